"""Garbage collection while modules are imported: rare, and then as it was."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from raynas import garbage
from raynas.garbage import freeze_imported, importing

USUAL = (700, 10, 5)


@pytest.fixture(autouse=True)
def _usual() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*USUAL)
    yield
    gc.set_threshold(*before)


def test_collections_are_rare_until_imports_are_over() -> None:
    with importing():
        assert gc.get_threshold() == (200_000, *USUAL[1:])
    assert gc.get_threshold() == USUAL


def test_they_are_as_usual_once_the_users_code_is_there() -> None:
    with importing():
        freeze_imported()
        assert gc.get_threshold() == USUAL
        gc.set_threshold(50)  # by the user's code
    assert gc.get_threshold()[0] == 50


def test_an_error_of_an_import_leaves_them_as_usual() -> None:
    with pytest.raises(ImportError), importing():
        raise ImportError
    assert gc.get_threshold() == USUAL


@pytest.mark.parametrize("own", [(0, 10, 10), (1_000_000, 10, 10)])
def test_fewer_collections_than_that_are_left_alone(own: tuple[int, int, int]) -> None:
    gc.set_threshold(*own)
    with importing():
        assert gc.get_threshold() == own
        freeze_imported()
    assert gc.get_threshold() == own


def test_what_the_users_code_sets_while_it_is_imported_stays() -> None:
    with importing():
        gc.set_threshold(50)
        freeze_imported()
    assert gc.get_threshold()[0] == 50


def test_what_is_made_later_is_not_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[None] = []
    monkeypatch.setattr(garbage, "_frozen", False)
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(None))
    freeze_imported()
    freeze_imported()
    assert len(frozen) == 1


COMMAND = """
import gc
from raynas.cli.search_file import load_search
from raynas.garbage import importing
with importing():
    found, _ = load_search("s.py")
    frozen = gc.get_freeze_count()
    assert frozen > 10_000, frozen
    load_search("s.py")
    assert gc.get_freeze_count() <= frozen, "what was garbage by then would stay"
    assert gc.get_threshold()[0] == 700
"""
SEARCH = """
import raynas as nas
from raynas.testing.spaces import TinyNet

search = nas.Search(space=TinyNet, task=nas.FunctionTask(lambda net: net.depth))
"""


def test_a_command_freezes_once_what_the_users_file_has_imported(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "s.py").write_text(SEARCH)
    done = subprocess.run(
        [sys.executable, "-c", COMMAND], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
