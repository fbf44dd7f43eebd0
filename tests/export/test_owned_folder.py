"""An export replaces and deletes its own files and no others."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from raynas.errors import ConfigurationError
from raynas.export.owned_folder import MANIFEST, ExportFolder

NAMES = ("model.py", "model.pt2", "model_code")


def export(folder: Path, files: dict[str, str], *, replace: bool = False, end: bool = True) -> None:
    target = ExportFolder(folder, NAMES, replace)
    with target.staging() as staging:
        target.describe({"score": 1.0})
        for name, text in files.items():
            (staging / name).parent.mkdir(exist_ok=True)
            (staging / name).write_text(text)
            target.publish(staging / name, staging)
        if end:
            target.finish({"score": 1.0, "done": True})


def found(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_a_second_export_replaces_the_first_and_deletes_what_it_has_no_more(tmp_path: Path) -> None:
    export(tmp_path, {"model.py": "1", "model.pt2": "1", "model_code/a.py": "1"})
    (tmp_path / "model_code" / "__pycache__").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    export(tmp_path, {"model.py": "2"})
    assert found(tmp_path) == {"model.py": "2", "notes.txt": "mine"}
    assert json.loads((tmp_path / MANIFEST).read_text())["done"]


@pytest.mark.parametrize("name", ["model.py", "model_code/mine.py", MANIFEST])
def test_a_file_of_somebody_else_is_in_the_way(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigurationError, match=f"raynas export did not write {name} there"):
        export(tmp_path, {"model.py": "1"})
    assert (tmp_path / name).read_text() == "mine"
    export(tmp_path, {"model.py": "1"}, replace=True)
    assert (tmp_path / "model.py").read_text() == "1"


def test_a_file_of_ours_that_was_changed_is_somebody_s(tmp_path: Path) -> None:
    export(tmp_path, {"model.py": "1", "model.pt2": "1"})
    (tmp_path / "model.py").write_text("1, and a line of mine")
    with pytest.raises(ConfigurationError, match=r"model\.py there, or it was changed since"):
        export(tmp_path, {"model.py": "2"})
    assert found(tmp_path) == {"model.py": "1, and a line of mine", "model.pt2": "1"}


def test_a_link_is_somebody_s(tmp_path: Path) -> None:
    (tmp_path / "precious.py").write_text("mine")
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "model.py").symlink_to(tmp_path / "precious.py")
    with pytest.raises(ConfigurationError, match=r"model\.py"):
        export(tmp_path / "to", {"model.py": "1"})
    export(tmp_path / "to", {"model.py": "1"}, replace=True)
    assert (tmp_path / "precious.py").read_text() == "mine"


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["files"].update({"precious.txt": ["0"]}),
        lambda data: data.pop("digest"),
        lambda data: data.pop("files"),
    ],
)
def test_a_list_that_was_tampered_with_proves_nothing(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    export(tmp_path, {"model.py": "1"})
    data = json.loads((tmp_path / MANIFEST).read_text())
    change(data)
    (tmp_path / MANIFEST).write_text(json.dumps(data))
    with pytest.raises(ConfigurationError, match=MANIFEST):
        export(tmp_path, {"model.py": "2"})
    assert found(tmp_path) == {"model.py": "1"}


def test_after_a_kill_in_the_middle_the_next_export_goes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the list and the file, or before the end: all is still known as ours."""
    export(tmp_path, {"model.py": "1", "model.pt2": "1"})

    class Killed(BaseException):
        pass

    replace = os.replace

    def until_the_file(source: object, target: object) -> None:
        if str(target).endswith("model.py"):
            raise Killed
        replace(source, target)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", until_the_file)
        with pytest.raises(Killed):
            export(tmp_path, {"model.pt2": "2", "model.py": "2"})
    assert found(tmp_path) == {"model.py": "1", "model.pt2": "2"}
    export(tmp_path, {"model.pt2": "3"}, end=False)
    export(tmp_path, {"model.py": "4"})
    assert found(tmp_path) == {"model.py": "4"}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigurationError, match="that is a file; give a folder"):
        ExportFolder(tmp_path / "file", NAMES)


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("name", ["model.py", "model_code"])
def test_a_folder_or_a_link_to_one_is_never_replaced(
    tmp_path: Path, name: str, replace: bool
) -> None:
    folder, other = tmp_path / "export", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    if name == "model.py":
        (folder / name).mkdir()
    else:
        (folder / name).symlink_to(other)
    with pytest.raises(ConfigurationError, match=f"{name} is a folder there, or a link to one"):
        export(folder, {"model.py": "1", "model_code/a.py": "1"}, replace=replace)
    assert os.listdir(folder) == [name]
    assert os.listdir(other) == []
