"""Work that the processes of a machine share, such as a download: done once, by one of them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from raynas.tasks.file_lock import file_lock

__all__ = ["once_a_node"]

_DONE = "raynas did this work in the run "


def once_a_node(name: str, token: str, work: Callable[[], None]) -> None:
    """Do `work` unless another process of this machine has done it; wait while one is at it.

    Args:
        name: What the work is; with the working directory, says which processes share it.
        token: Token of the run: the work is done once for each.
        work: Function to run; if it raises, it counts as not done.
    """
    folder = _private_folder()
    key = hashlib.sha256(f"{name}\0{Path.cwd()}".encode()).hexdigest()[:24]
    done = folder / f"{key}.done"
    with file_lock(folder / f"{key}.lock"):
        there = _content(done)
        if there == f"{_DONE}{token}":
            return
        work()
        if there is None or there.startswith(_DONE):
            done.write_text(f"{_DONE}{token}")


def _content(file: Path) -> str | None:
    """What is there; None where nothing is, and an empty text for what is no regular file."""
    if not os.path.lexists(file):
        return None
    regular = file.is_file() and not file.is_symlink()
    return file.read_text(errors="replace") if regular else ""


def _private_folder() -> Path:
    """A folder for this user alone, on this machine's own disk."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir(), f"raynas.prepared.{user}")
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    own = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
    if folder.is_symlink() or not folder.is_dir() or not own:
        return Path(tempfile.mkdtemp(prefix="raynas.prepared."))
    return folder
