"""Files that raynas appends to: its own only."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from raynas.store.log import announce

__all__ = ["open_to_append"]


def open_to_append(path: Path, beginning: bytes) -> int:
    """A descriptor to append to the file at `path`, which is made with its folder if need be.

    Args:
        path: Path of the file.
        beginning: What such a file of raynas's begins with.

    Raises:
        FileExistsError: The file begins otherwise, so it is somebody else's. A warning says so.
        OSError: It cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    there = os.pread(file, len(beginning), 0)
    if there and not beginning.startswith(there):
        os.close(file)
        _say_left(path)
        raise FileExistsError(f"{path} was not written by raynas")
    return file


@cache
def _say_left(path: Path) -> None:
    announce(
        "%s was not written by raynas and is left as it is: nothing is added to it. Move it away, "
        "or choose another folder for the results",
        path,
    )
