"""A lock among processes: a file that is locked and neither read, written nor deleted."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["file_lock"]


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Wait until no other process holds the lock of `path`, and hold it.

    The file stays afterwards. One that is there already, with whatever content, will do.

    Raises:
        OSError: The file cannot be opened, is a symbolic link or a folder, or its file system has
            no locks.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)  # a forked process may have the file open still
        os.close(file)
