"""Work shared by the processes of a machine, in a folder where other files may be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from raynas.tasks.file_lock import file_lock
from raynas.tasks.once_a_node import once_a_node


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / f"raynas.prepared.{os.getuid()}"


def test_what_was_done_is_noted_for_the_run_only(folder: Path) -> None:
    done: list[str] = []
    for token in ("one", "one", "two", "two"):
        once_a_node("data", token, lambda token=token: done.append(token))  # type: ignore[misc]
    assert done == ["one", "two"]


def text(path: Path) -> None:
    path.write_text("precious")


def link(path: Path) -> None:
    other = path.parents[1] / "other"
    other.write_text("precious")
    path.symlink_to(other)


def dangling(path: Path) -> None:
    path.symlink_to(path.parents[1] / "other")


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path): os.readlink(path) if path.is_symlink() else path.read_text()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.mark.parametrize("plant", [text, link, dangling])
def test_a_note_of_others_is_left_alone_and_the_work_done(
    folder: Path, plant: Callable[[Path], None]
) -> None:
    once_a_node("data", "one", lambda: None)
    (note,) = folder.glob("*.done")
    note.unlink()
    plant(note)
    before = contents(folder.parent)
    done: list[int] = []
    for _ in range(2):
        once_a_node("data", "one", lambda: done.append(1))
    assert done == [1, 1]
    assert contents(folder.parent) == before


@pytest.mark.parametrize("plant", [text, link, dangling])
def test_a_folder_of_others_is_not_used(folder: Path, plant: Callable[[Path], None]) -> None:
    place = folder.parent / "inner" / folder.name
    place.parent.mkdir()
    plant(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(place.parent))
        before = os.lstat(place)
        done: list[int] = []
        once_a_node("data", "one", lambda: done.append(1))
    assert done == [1]
    assert os.lstat(place) == before


def test_a_lock_changes_nothing_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text("precious")
    with file_lock(path):
        assert path.read_text() == "precious"
    with pytest.raises(ZeroDivisionError), file_lock(path):
        raise ZeroDivisionError
    with file_lock(path):
        pass
    assert path.read_text() == "precious"


@pytest.mark.parametrize("plant", [dangling, Path.mkdir])
def test_a_lock_that_is_no_file_is_refused_by_name(
    tmp_path: Path, plant: Callable[[Path], None]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    plant(folder / "x.lock")
    with pytest.raises(OSError, match=r"x\.lock"), file_lock(folder / "x.lock"):
        pass
    assert sorted(tmp_path.iterdir()) == [folder]
