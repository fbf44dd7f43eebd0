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

_SPARE_BYTES = 2**30  # left for others on a disk
_CHUNK = 2**24  # 16 MiB at a time


class Checkpoints:
    """A folder of one search, with a file for each trial that has one.

    Each begins with a line that names the search: a file without that line is somebody else's,
    whatever its name, and is neither used nor replaced nor deleted.

    Args:
        where: A folder that all machines reach, or a URL such as ``s3://bucket/folder``; it may
            hold other files.
        mark: Identifies the search, the same whenever it starts.

    Raises:
        ConfigurationError: `where` is a URL of no known kind.
    """

    def __init__(self, where: str, mark: str = "") -> None:
        self._where = where
        self._proof = f"checkpoint of raynas, search {mark}\n".encode()
        self._system: fs.FileSystem | None = None
        self._folder = where

    def keep(self, number: int, path: Path) -> None:
        """Copy the file at `path`, in place of what was kept; either is there at any moment.

        A file that would fill the disk is not copied, and a warning says so; neither is one whose
        place is taken by a file that is not ours.
        """
        system = self._open()
        system.create_dir(self._folder, recursive=True)
        if not self._is_free(number):
            return
        if isinstance(system, fs.LocalFileSystem) and not self._has_room(path):
            return
        draft = f"{self._file(number)}-{uuid4().hex}"
        try:
            with path.open("rb") as source, system.open_output_stream(draft) as copy:
                copy.write(self._proof)
                shutil.copyfileobj(source, copy, _CHUNK)
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

    def _is_free(self, number: int) -> bool:
        """Whether a checkpoint may be put in its place; says so if it may not."""
        there = self._open().get_file_info(self._file(number)).type != fs.FileType.NotFound
        if not (there or self._is_a_link(number)) or self._is_ours(number):
            return True
        announce(
            "no checkpoint of trial %s is kept: %s is not of this search. Give "
            "Search(checkpoints=...) another folder; until then the trial can only begin anew",
            number,
            self._file(number),
        )
        return False

    def _is_ours(self, number: int) -> bool:
        """Whether a file of this search is there."""
        system = self._open()
        if self._is_a_link(number):
            return False
        if system.get_file_info(self._file(number)).type != fs.FileType.File:
            return False
        with system.open_input_stream(self._file(number)) as stream:
            return bool(stream.read(len(self._proof)) == self._proof)

    def _is_a_link(self, number: int) -> bool:
        """Whether a symbolic link is there, which none of ours is, wherever it leads."""
        local = isinstance(self._open(), fs.LocalFileSystem)
        return local and os.path.islink(self._file(number))

    def kept(self, number: int, folder: Path) -> Path | None:
        """A copy, in `folder`, of what was kept, or None."""
        if not self._is_ours(number):
            return None
        copy = folder / str(number)
        with self._open().open_input_stream(self._file(number)) as stream, copy.open("wb") as file:
            stream.read(len(self._proof))
            shutil.copyfileobj(stream, file, _CHUNK)
        return copy

    def forget(self, number: int) -> None:
        """Delete what was kept, where there is something."""
        with suppress(OSError):
            if self._is_ours(number):
                self._open().delete_file(self._file(number))

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
