"""Files that raynas appends to: its own only."""

from __future__ import annotations

import errno
import os
import stat
from functools import cache
from pathlib import Path

from raynas.store.log import announce

__all__ = ["open_own", "open_to_append"]

_NO_FILE = {errno.EISDIR, errno.ELOOP, errno.ENXIO}  # a folder, a symbolic link, a socket


def open_to_append(path: Path, beginning: bytes) -> int:
    """A descriptor to append to the file at `path`, which is made with its folder if need be.

    Args:
        path: Path of the file.
        beginning: What such a file of raynas's begins with.

    Raises:
        FileExistsError: See `open_own`. A warning says so as well.
        OSError: It cannot be opened.
    """
    try:
        return open_own(path, beginning)
    except FileExistsError:
        _say_left(path)
        raise


def open_own(path: Path, beginning: bytes) -> int:
    """Do the same as `open_to_append`, without the warning.

    Raises:
        FileExistsError: It is somebody else's: a file that begins otherwise, or no regular file.
        OSError: It cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        if error.errno in _NO_FILE:
            raise FileExistsError(f"{path} was not written by raynas") from None
        raise
    if not _begins(file, beginning):
        os.close(file)
        raise FileExistsError(f"{path} was not written by raynas")
    return file


def _begins(file: int, beginning: bytes) -> bool:
    """Whether a regular file begins so, or is empty or torn before the end of that."""
    if not stat.S_ISREG(os.fstat(file).st_mode):
        return False
    return beginning.startswith(os.pread(file, len(beginning), 0))


@cache
def _say_left(path: Path) -> None:
    announce(
        "%s was not written by raynas and is left as it is: nothing is added to it. Move it away, "
        "or choose another folder for the results",
        path,
    )
