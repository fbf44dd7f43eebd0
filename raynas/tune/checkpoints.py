"""The latest checkpoint of each running trial, where it outlives process and machine."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from pyarrow import fs

from raynas.errors import ConfigurationError
from raynas.tasks.log import announce

__all__ = ["Checkpoints"]

_SPARE_BYTES = 2**30


class Checkpoints:
    """A folder of one search, with a file for each trial that has one.

    Args:
        where: A folder that all machines reach, or a URL such as ``s3://bucket/folder``; it may
            hold other files.

    Raises:
        ConfigurationError: `where` is a URL of no known kind.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._system: fs.FileSystem | None = None
        self._folder = where

    def keep(self, number: int, path: Path) -> None:
        """Copy the file at `path`, in place of what was kept; either is there at any moment.

        A file that would fill the disk is not copied, and a warning says so.
        """
        system = self._open()
        system.create_dir(self._folder, recursive=True)
        if isinstance(system, fs.LocalFileSystem) and not self._has_room(path):
            return
        draft = f"{self._file(number)}-{uuid4().hex}"
        try:
            fs.copy_files(str(path), draft, fs.LocalFileSystem(), system)
            if isinstance(system, fs.LocalFileSystem):
                os.replace(draft, self._file(number))
            else:
                system.move(draft, self._file(number))
        except BaseException:
            with suppress(Exception):
                system.delete_file(draft)
            raise

    def _has_room(self, path: Path) -> bool:
        """Whether a copy of the file leaves the disk a gibibyte; says so where it does not."""
        size, free = path.stat().st_size, shutil.disk_usage(self._folder).free
        if free - size < _SPARE_BYTES:
            announce(
                "a checkpoint of %.2f GiB is not kept: %s has %.2f GiB free. Make room, or give "
                "Search(checkpoints=...); until then the trial can only begin anew",
                size / 2**30,
                self._folder,
                free / 2**30,
            )
        return free - size >= _SPARE_BYTES

    def kept(self, number: int, folder: Path) -> Path | None:
        """A copy, in `folder`, of what was kept, or None."""
        system = self._open()
        if system.get_file_info(self._file(number)).type != fs.FileType.File:
            return None
        copy = folder / str(number)
        fs.copy_files(self._file(number), str(copy), system, fs.LocalFileSystem())
        return copy

    def forget(self, number: int) -> None:
        """Delete what was kept, where there is something."""
        with suppress(OSError, FileNotFoundError):
            if "://" in self._where:
                self._open().delete_file(self._file(number))
            else:
                os.unlink(self._file(number))

    def _file(self, number: int) -> str:
        return f"{self._folder}/raynas-trial-{number}.ckpt"

    def _open(self) -> fs.FileSystem:
        if self._system is None:
            try:
                if "://" in self._where:
                    self._system, self._folder = fs.FileSystem.from_uri(self._where)
                else:
                    self._system = fs.LocalFileSystem()
            except Exception as error:
                raise ConfigurationError(
                    f"checkpoints={self._where!r}: {error}; use a folder, s3:// or gs://"
                ) from error
        return self._system
