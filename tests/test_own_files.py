"""What raynas appends to is its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from raynas.own_files import open_to_append
from raynas.tune.event_log import Events


def append(path: Path, text: bytes) -> None:
    file = open_to_append(path, b'{"time": ')
    os.write(file, text)
    os.close(file)


@pytest.mark.parametrize("there", [None, b"", b'{"ti', b'{"time": 1.5}\n'])
def test_files_of_its_own_and_torn_ones_go_on(tmp_path: Path, there: bytes | None) -> None:
    path = tmp_path / "new" / "events.jsonl"
    if there is not None:
        path.parent.mkdir()
        path.write_bytes(there)
    append(path, b'{"time": 2.0}\n')
    assert path.read_bytes() == (there or b"") + b'{"time": 2.0}\n'


@pytest.mark.parametrize("there", [b"\n", b"notes", b'{"event": 1}\n', b"\x00"])
def test_files_of_others_are_left_alone_and_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, there: bytes
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(there)
    for _ in range(2):
        with pytest.raises(FileExistsError, match=r"events\.jsonl was not written by raynas"):
            append(path, b"x")
    assert path.read_bytes() == there
    assert caplog.text.count(f"{path} was not written by raynas and is left as it is") == 1


def test_logs_and_events_of_others_are_left_alone(tmp_path: Path) -> None:
    planted = [tmp_path / "events.jsonl", tmp_path / "logs" / "0.log"]
    planted[1].parent.mkdir()
    for path in planted:
        path.write_text("notes\n")
    events = Events(tmp_path)
    for number in (0, 1):
        events.say("asked", trial=number)
        events.log(number, "completed", "printed")
    events.close()
    assert [path.read_text() for path in planted] == ["notes\n"] * 2
    assert (tmp_path / "logs" / "1.log").read_text() == "--- completed\nprinted\n"


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe"])
def test_what_is_no_regular_file_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    path, other = tmp_path / "events.jsonl", tmp_path / "other"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(other)
    if kind == "link":
        other.write_text("")
    with pytest.raises(FileExistsError, match=r"events\.jsonl was not written by raynas"):
        append(path, b"x")
    assert f"{path} was not written by raynas and is left as it is" in caplog.text
    assert not other.exists() or other.read_text() == ""
