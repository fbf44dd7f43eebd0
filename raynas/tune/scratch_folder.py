"""The folder for Tune's own files: temporary, and removed together with those of killed runs.

A folder is removed only where it carries the mark of this module, belongs to this user and is
locked by nobody, and of its content only what Tune wrote.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

__all__ = ["EXPERIMENT", "folder_for_tune"]

EXPERIMENT = "trials"
"""Name of Tune's experiment: the one entry that Tune makes in the folder."""

_PREFIX = "raynas-tune-"
_MARK = "made-by-raynas.lock"
_STATE = ("tuner.pkl", "experiment_state-*.json", "search*-state-*", "search_gen_state-*")


@contextmanager
def folder_for_tune(kept: Path | None) -> Iterator[str]:
    """A folder for Tune to write to.

    Args:
        kept: Folder for the user's loggers: the scratch folder is a new one in it and stays, but
            for the files that Tune would go on from, which hold the task with its secrets. None for
            a temporary one, which goes at the end; what killed runs have left goes now.
    """
    if kept is not None:
        new = Path(kept, "tune", f"{time.strftime('%Y-%m-%d_%H-%M-%S')}-{uuid4().hex[:6]}")
        new.mkdir(parents=True)
        try:
            yield str(new)
        finally:
            for path in (path for names in _STATE for path in (new / EXPERIMENT).glob(names)):
                path.unlink(missing_ok=True)
        return
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            _remove_if_left(left)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    mark = os.open(folder / _MARK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        fcntl.flock(mark, fcntl.LOCK_EX)
        os.write(mark, _proof(folder))
        yield str(folder)
    finally:
        _remove(folder)
        os.close(mark)


def _remove_if_left(folder: Path) -> None:
    """Remove `folder` where a run of this user made it and does not live any more."""
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        return
    mark = os.open(folder / _MARK, os.O_RDWR | os.O_NOFOLLOW)  # raises where there is none
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where its run still lives
        if os.read(mark, 1000) == _proof(folder):
            _remove(folder)
    finally:
        os.close(mark)


def _proof(folder: Path) -> bytes:
    """What the mark in `folder` says, which a file or a folder of that name by others does not."""
    return f"raynas made {folder.name}\n".encode()


def _remove(folder: Path) -> None:
    """Remove what Tune and this module wrote, and the folder if nothing else is in it."""
    shutil.rmtree(folder / EXPERIMENT, ignore_errors=True)
    with suppress(OSError):
        (folder / _MARK).unlink(missing_ok=True)
        folder.rmdir()
