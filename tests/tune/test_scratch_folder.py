"""The temporary folder for Tune's files, and whose folders it removes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from raynas.tune.checkpoints import Checkpoints
from raynas.tune.scratch_folder import folder_for_tune

_KILLED = """
import os, pathlib, signal
from raynas.tune.scratch_folder import folder_for_tune
with folder_for_tune(None) as folder:
    (pathlib.Path(folder) / "trials" / "one").mkdir(parents=True)
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def killed() -> Path:
    """The folder of a run that was killed."""
    done = subprocess.run([sys.executable, "-c", _KILLED], stdout=subprocess.PIPE, text=True)
    assert done.returncode == -signal.SIGKILL
    return Path(done.stdout.strip())


def test_the_folder_is_gone_at_the_end(temporary: Path) -> None:
    with folder_for_tune(None) as folder:
        Path(folder, "trials").mkdir()
        assert Path(folder).parent == temporary
    assert list(temporary.iterdir()) == []


def test_what_a_killed_run_left_is_removed(temporary: Path) -> None:
    left = killed()
    assert (left / "trials" / "one").exists()
    with folder_for_tune(None):
        assert not left.exists()


@pytest.mark.parametrize("text", [b"", b"raynas made raynas-tune-other\n", b"notes"])
def test_a_folder_that_only_looks_like_one_of_a_killed_run_stays(
    temporary: Path, text: bytes
) -> None:
    left = temporary / "raynas-tune-mine"
    (left / "trials").mkdir(parents=True)
    (left / "trials" / "only-copy.txt").write_text("precious")
    (left / "made-by-raynas.lock").write_bytes(text)
    with folder_for_tune(None):
        pass
    assert (left / "trials" / "only-copy.txt").read_text() == "precious"
    assert (left / "made-by-raynas.lock").read_bytes() == text


def test_a_folder_in_use_stays(temporary: Path) -> None:
    with folder_for_tune(None) as first, folder_for_tune(None) as second:
        assert first != second
        assert Path(first).exists()


@pytest.mark.parametrize(
    "name",
    ["raynas-2026-results", "raynas-1-x", "raynas-999999999-x", "raynas-tune-mine", "raynas-"],
)
def test_folders_of_others_stay(temporary: Path, name: str) -> None:
    precious = temporary / name / "trials" / "only-copy.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("precious")
    with folder_for_tune(None):
        pass
    assert precious.read_text() == "precious"


def test_files_of_others_in_a_folder_of_ours_stay(temporary: Path) -> None:
    note = killed() / "note.txt"
    note.write_text("mine")
    with folder_for_tune(None) as folder:
        own = Path(folder, "note.txt")
        own.write_text("mine, too")
    assert (note.read_text(), own.read_text()) == ("mine", "mine, too")


def test_a_link_to_a_folder_is_not_followed(temporary: Path) -> None:
    left = killed()
    elsewhere = left.rename(temporary / "elsewhere")
    left.symlink_to(elsewhere)
    with folder_for_tune(None):
        pass
    assert (elsewhere / "trials" / "one").exists()


def test_checkpoints_share_a_folder_with_files_of_others(tmp_path: Path) -> None:
    names = [*map(str, range(3)), "trial-0", "0.ckpt"]
    for name in names:
        (tmp_path / name).write_text("precious")
    kept = Checkpoints(str(tmp_path))
    source = tmp_path / "source"
    source.write_text("state")
    for number in range(3):
        kept.keep(number, source)
        kept.forget(number)
    assert [(tmp_path / name).read_text() for name in names] == ["precious"] * len(names)
    assert sorted(os.listdir(tmp_path)) == sorted([*names, "source"])


@pytest.mark.parametrize(
    "content", [b"", b"precious", b"PK\x03\x04 made by another program", b"checkpoint of raynas"]
)
def test_a_file_under_a_checkpoints_name_without_proof_is_left_alone(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    theirs, source = tmp_path / "raynas-trial-0.ckpt", tmp_path / "source"
    theirs.write_bytes(content)
    source.write_text("state")
    kept = Checkpoints(str(tmp_path), "mine")
    kept.keep(0, source)
    assert kept.kept(0, tmp_path) is None
    kept.forget(0)
    assert theirs.read_bytes() == content
    assert sorted(os.listdir(tmp_path)) == ["raynas-trial-0.ckpt", "source"]
    assert "raynas-trial-0.ckpt is not of this search. Give Search(checkpoints=" in caplog.text


def test_searches_that_share_a_folder_leave_each_other_their_checkpoints(tmp_path: Path) -> None:
    source, copies = tmp_path / "source", tmp_path / "copies"
    copies.mkdir()
    source.write_text("first")
    first, second = (Checkpoints(str(tmp_path / "kept"), mark) for mark in ("a" * 32, "b" * 32))
    first.keep(0, source)
    source.write_text("second")
    second.keep(0, source)
    assert second.kept(0, copies) is None
    second.forget(0)
    copy = Checkpoints(str(tmp_path / "kept"), "a" * 32).kept(0, copies)
    assert copy is not None
    assert copy.read_text() == "first"
    first.forget(0)
    assert os.listdir(tmp_path / "kept") == []


def test_a_link_or_folder_under_a_checkpoints_name_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "raynas-trial-0.ckpt").symlink_to(target)
    (tmp_path / "raynas-trial-2.ckpt").symlink_to(tmp_path / "nowhere")
    (tmp_path / "raynas-trial-1.ckpt").mkdir()
    kept = Checkpoints(str(tmp_path), "mine")
    for number in range(3):
        kept.keep(number, target)
        kept.forget(number)
    assert target.read_text() == "precious"
    assert os.readlink(tmp_path / "raynas-trial-2.ckpt") == str(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    assert (tmp_path / "raynas-trial-0.ckpt").is_symlink()
    assert (tmp_path / "raynas-trial-1.ckpt").is_dir()
