"""Work that the processes of a machine share, such as a download: done once, by one of them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

__all__ = ["once_a_node"]


def once_a_node(name: str, token: str, work: Callable[[], None]) -> None:
    """Do `work` unless another process of this machine has done it; wait while one is at it.

    Args:
        name: What the work is; with the working directory, says which processes share it.
        token: Token of the run: the work is done once for each.
        work: May raise; then it counts as not done.
    """
    folder = _private_folder()
    key = hashlib.sha256(f"{name}\0{Path.cwd()}".encode()).hexdigest()[:24]
    done = folder / f"{key}.done"
    with FileLock(folder / f"{key}.lock"):
        if done.exists() and done.read_text() == token:
            return
        work()
        done.write_text(token)


def _private_folder() -> Path:
    """A folder for this user alone, on this machine's own disk."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir(), f"raynas.prepared.{user}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and (folder.is_symlink() or folder.stat().st_uid != os.getuid()):
        return Path(tempfile.mkdtemp(prefix="raynas.prepared."))
    return folder
