"""One writer a journal, under whatever names and through whatever links it is reached."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from raynas.asktell import AskTell
from raynas.errors import DamagedStoreError, StoreError
from raynas.store.holder import driver_of_journal
from raynas.store.repair import repair_journal
from raynas.testing import ToyNet

NAMES = ["journal.log", "a b/c 'd\".log", "ü/日本.log", "new\nline/tab\t.log", "-x/#?&=%.log"]


def search_at(store: Any, **options: Any) -> AskTell[Any]:
    return AskTell(ToyNet, "random", **{"seed": 0, "store": store, **options})


def filled(path: Path) -> AskTell[Any]:
    """An open search of three trials with rewards."""
    search = search_at(path)
    for number in range(3):
        search.ask()
        search.tell(number, float(number))
    return search


def damage(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5] + lines[6:]))


@pytest.fixture(params=["folder", "file"])
def link(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Another path of ``real/journal.log``, by a symbolic link to its folder or to itself."""
    real, linked = tmp_path / "real", tmp_path / "linked"
    real.mkdir()
    if request.param == "folder":
        linked.symlink_to(real)
    else:
        linked.mkdir()
        (linked / "journal.log").symlink_to(real / "journal.log")
    return linked / "journal.log"


def test_a_symbolic_link_leads_to_the_same_lock_and_driver(link: Path, tmp_path: Path) -> None:
    with filled(tmp_path / "real" / "journal.log"):
        with pytest.raises(StoreError, match="log is in use by this very process"):
            search_at(link)
        assert driver_of_journal(link).state == "running"
    assert driver_of_journal(link).state == "gone"
    with search_at(link) as search:
        assert len(search.history.completed) == 3


def test_a_new_journal_is_made_where_a_symbolic_link_leads(link: Path, tmp_path: Path) -> None:
    filled(link).close()
    with search_at(tmp_path / "real" / "journal.log") as search:
        assert len(search.history.completed) == 3


def test_a_repair_leaves_a_symbolic_link_and_mends_what_it_leads_to(
    link: Path, tmp_path: Path
) -> None:
    real = tmp_path / "real" / "journal.log"
    filled(real).close()
    was_link = link.is_symlink()
    damage(real)
    repair = repair_journal(link)
    assert link.is_symlink() == was_link
    assert repair.aside is not None
    assert repair.aside.parent == real.parent
    with search_at(real) as search:
        assert len(search.history) == 3


def test_a_hard_link_is_no_second_journal(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with filled(tmp_path / "journal.log"):
        os.link(tmp_path / "journal.log", tmp_path / "other" / "journal.log")
        for use in (search_at, repair_journal):
            with pytest.raises(StoreError, match=r"other/journal\.log is in use by"):
                use(tmp_path / "other" / "journal.log")
    with search_at(tmp_path / "other" / "journal.log") as search:
        assert len(search.history.completed) == 3


@pytest.mark.parametrize("name", NAMES)
def test_journals_of_any_name_are_locked_found_and_repaired(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with filled(path), pytest.raises(StoreError, match="is in use by this very process"):
        search_at(str(path))
    damage(path)
    with pytest.raises(DamagedStoreError, match="raynas repair") as refused:
        search_at(path)
    quoted = str(refused.value).partition("raynas repair ")[2].partition("`")[0]
    assert quoted == str(path) or quoted == "'" + str(path).replace("'", "'\"'\"'") + "'"
    repair_journal(path)
    with search_at(path) as search:
        assert len(search.history) == 3


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused_and_nothing_is_left_beside_it(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / kind
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(StoreError, match=r"store='.*' is no file: give the path of a journal"):
        search_at(path)
    with pytest.raises(StoreError, match=r"store='.*' is no file: give the path of a journal"):
        search_at(path, read_only=True)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["text", "link", "dangling", "folder"])
@pytest.mark.parametrize("ending", [".holder", ".lock", ".in-use"])
def test_what_others_put_beside_a_journal_stays_as_it_is(
    tmp_path: Path, ending: str, kind: str
) -> None:
    journal, other = tmp_path / "journal.log", tmp_path / "other"
    beside = tmp_path / f"journal.log{ending}"
    if kind == "text":
        beside.write_text("precious")
    elif kind == "folder":
        beside.mkdir()
    else:
        beside.symlink_to(other)
    if kind == "link":
        other.write_text("")
    before = os.lstat(beside)
    try:
        filled(journal).close()
        assert search_at(journal).history.completed
    except StoreError as error:
        assert (ending, kind) in [(".in-use", kind) for kind in ("link", "dangling", "folder")]
        assert f"{beside} was not made by raynas, and {journal} needs a file" in str(error)  # noqa: PT017
    after = os.lstat(beside)
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert other.exists() == (kind == "link")
    assert not other.exists() or other.read_text() == ""
