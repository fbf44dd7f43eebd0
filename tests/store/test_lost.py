"""A driver knows its file: gone, replaced or shortened, it ends with what it had in memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raynas.asktell import AskTell
from raynas.errors import LostStoreError, StoreError
from raynas.store.writer_lock import JournalLock, unlocked_mount
from raynas.testing import ToyNet


def search_at(store: Any, **options: Any) -> AskTell[Any]:
    return AskTell(ToyNet, "random", **{"seed": 0, "store": store, **options})


def told(search: AskTell[Any], count: int) -> None:
    for _ in range(count):
        proposal = search.ask()
        assert proposal is not None
        search.tell(proposal.number, float(proposal.number))


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def move_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def replace_by_a_copy(path: Path) -> None:
    shutil.copy2(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def shorten(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwrite(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


FAULTS = [
    (remove_folder, "was removed or moved away"),
    (move_folder, "was removed or moved away"),
    (replace_by_a_copy, "was replaced by another file"),
    (shorten, r"was shortened from [\d,]+ bytes to [\d,]+"),
    (overwrite, "was overwritten"),
]


@pytest.mark.parametrize("write", ["ask", "tell", "note", "flush"])
@pytest.mark.parametrize(("fault", "message"), FAULTS)
def test_a_lost_journal_ends_the_search_with_all_results_beside_it(
    tmp_path: Path, fault: Callable[[Path], None], message: str, write: str
) -> None:
    path = tmp_path / "results" / "journal.log"
    search = search_at(path)
    told(search, 4)
    running = search.ask()
    assert running is not None
    fault(path)
    writes: dict[str, Callable[[], Any]] = {
        "ask": search.ask,
        "tell": lambda: search.tell(running.number, 4.0),
        "note": lambda: search.note(running.number, "runs", []),
        "flush": search.flush,
    }
    with pytest.raises(LostStoreError, match=message) as lost:
        writes[write]()
    results = 5 if write == "tell" else 4
    assert f"Results so far: {results}, all in the journal" in str(lost.value)
    with pytest.raises(LostStoreError, match=message):
        search.ask()
    search.close()
    (kept,) = path.parent.glob("journal.rescued-*.log")
    assert f"move it to {path} and run the same command again" in str(lost.value)
    kept.replace(path)
    with search_at(path) as again:
        assert again.history.rewards == tuple(map(float, range(results)))
        assert [t.architecture for t in again.history[:5]] == [
            t.architecture for t in search.history[:5]
        ]
        assert again.ask().number == (5 if write == "tell" else 4)  # type: ignore[union-attr]


def test_the_lock_survives_the_removal_of_the_folder(tmp_path: Path) -> None:
    path = tmp_path / "results" / "journal.log"
    with search_at(path) as search:
        told(search, 1)
        shutil.rmtree(path.parent)
        with pytest.raises(StoreError, match="is in use by another process: wait for it, end it"):
            search_at(path)
    search_at(path).close()


def test_a_lost_database_file_ends_the_search(tmp_path: Path) -> None:
    file = tmp_path / "search.db"
    with search_at(f"sqlite:///{file}") as search:
        told(search, 2)
        file.unlink()
        with pytest.raises(LostStoreError, match=r"was removed, moved away or replaced") as lost:
            search.ask()
    (kept,) = tmp_path.glob("search.rescued-*.log")
    assert f"give store={str(kept)!r}" in str(lost.value)
    with search_at(kept) as again:
        assert again.history.rewards == (0.0, 1.0)


def test_a_reader_says_that_its_file_was_replaced(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    with search_at(path) as search:
        told(search, 1)
    with search_at(path, read_only=True) as reader:
        replace_by_a_copy(path)
        with pytest.raises(LostStoreError, match=r"replaced .* while it was being read: open it"):
            reader.follow()
    assert not list(tmp_path.glob("*rescued*"))


def test_where_nothing_can_be_written_beside_it_the_copy_is_among_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, temporary = tmp_path / "results" / "journal.log", tmp_path / "temporary"
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(temporary))
    with search_at(path) as search:
        told(search, 2)
        shutil.rmtree(path.parent)
        path.parent.write_text("a file in its place")
        with pytest.raises(LostStoreError, match=f"removed .*, all in the journal {temporary}/jou"):
            search.ask()
    (kept,) = temporary.glob("journal.rescued-*.log")
    with search_at(kept) as again:
        assert again.history.rewards == (0.0, 1.0)


def test_where_nothing_can_be_written_the_loss_is_said_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results" / "journal.log"
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "results" / "no folder"))
    with search_at(path) as search:
        told(search, 1)
        shutil.rmtree(path.parent)
        path.parent.write_text("a file in its place")
        with pytest.raises(LostStoreError, match=r"removed .*, and a copy fails too: "):
            search.ask()


def test_copies_and_moves_of_finished_folders_go_on(tmp_path: Path) -> None:
    path = tmp_path / "results" / "journal.log"
    with search_at(path) as search:
        told(search, 2)
    shutil.copytree(path.parent, tmp_path / "copy")
    path.parent.rename(tmp_path / "moved")
    for folder in ("copy", "moved"):
        with search_at(tmp_path / folder / "journal.log") as again:
            told(again, 1)
            assert len(again.history) == 3


MOUNTS = """\
/dev/sda / ext4 rw 0 0
host:/a /nfs nfs4 rw,vers=4.2 0 0
host:/b /nfs/old nfs rw,vers=3,nolock 0 0
host:/c /with\\040space lustre rw,localflock 0 0
user@host: /ssh fuse.sshfs rw 0 0
//host/d /win cifs rw,nobrl 0 0
host:/e /line\\012end nfs rw,nolock 0 0
"""


@pytest.mark.parametrize(
    ("path", "mount"),
    [
        ("/home/me", None),
        ("/nfs/results", None),
        ("/nfs/old/results", "the nfs file system at /nfs/old"),
        ("/nfs/older", None),
        ("/with space/x", "the lustre file system at /with space"),
        ("/ssh/x", "the fuse.sshfs file system at /ssh"),
        ("/win", "the cifs file system at /win"),
        ("/line\nend/x", "the nfs file system at /line\nend"),
    ],
)
def test_file_systems_whose_locks_stay_on_one_machine_are_known(
    path: str, mount: str | None
) -> None:
    assert unlocked_mount(MOUNTS, path) == mount


@pytest.mark.parametrize("number", [37, 38, 95])
def test_a_file_system_without_locks_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: int,
) -> None:
    def none(*_: Any) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr("fcntl.flock", none)
    JournalLock(tmp_path / "journal.log").release()
    assert "nothing keeps a second driver off" in caplog.text
    assert "its file system has no locks" in caplog.text
