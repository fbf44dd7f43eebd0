"""Names that survive a power failure: a file's own `fsync` does not make its name durable."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["sync_folders"]


def sync_folders(path: Path) -> None:
    """Make the name of a new or renamed file durable, and those of the two folders above it.

    Those are the folder of a search and that of all results, which are made with the file. File
    systems that cannot sync a folder are left to themselves.

    Args:
        path: Path of the file.
    """
    for folder in path.absolute().parents[:3]:
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
