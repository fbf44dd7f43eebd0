"""What a command finds, kept in the search's folder: each file whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from raynas.errors import RaynasError
from raynas.own_files import open_own

__all__ = ["RECORD", "load", "replace_file", "replace_text", "save"]

RECORD = ".made-by-raynas"
"""Name of the file that lists what raynas wrote to its folder."""
_WRITTEN = "raynas wrote "  # before each name
_LARGEST = 100_000  # bytes of a record: thousands of names
_MOST_DIGITS = 100  # Python takes quadratic time to read digits, and doubles hold 309


def save(data: dict[str, Any], path: Path) -> None:
    """Write `data` to `path` as JSON, making its folder.

    Raises:
        RaynasError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, json.dumps(data, indent=1))
    except OSError as error:
        raise RaynasError(
            f"cannot write {path}: {error.strerror}; fix this, then run the command again"
        ) from error


def load(path: Path) -> dict[str, Any] | None:
    """What `save` wrote to `path`; None where there is no such thing."""
    with suppress(OSError, ValueError, RecursionError):
        found: Any = json.loads(path.read_text(encoding="utf-8"), parse_int=_whole)
        if isinstance(found, dict):
            return found
    return None


def _whole(digits: str) -> int | float:
    """A whole number; one that no figure of ours can be is infinite rather than of any length."""
    return int(digits) if len(digits) < _MOST_DIGITS else float(digits)


def replace_text(path: Path, text: str) -> None:
    """Make `text` the content of `path`; see `replace_file`."""
    replace_file(
        path, lambda draft: draft.write_text(text, encoding="utf-8", errors="backslashreplace")
    )


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Make what `write` writes the file at `path`, which until then keeps what it had.

    A folder lists the files that were written to it like this, so that no other is ever replaced.

    Args:
        path: Path of the file, in an existing folder.
        write: Writes a file to the path that it is given.

    Raises:
        RaynasError: There is a file at `path` that raynas did not write, or at `RECORD` beside it.
        OSError: It cannot be written.
    """
    record = path.with_name(RECORD)
    _renew(record)
    try:
        file = open_own(record, _WRITTEN.encode())
    except FileExistsError:
        raise _left(record) from None
    line = f"{_WRITTEN}{path.name}"
    with os.fdopen(file, "r+", encoding="utf-8", errors="surrogateescape") as lines:
        if line not in lines.read().splitlines():
            if os.path.lexists(path):
                raise _left(path)
            lines.write(f"{line}\n")
    _put(path, write)


def _renew(record: Path) -> None:
    """Rewrite a record of an earlier version, which has names alone; leave anything else."""
    if record.is_symlink() or not record.is_file() or record.stat().st_size > _LARGEST:
        return
    names = record.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    if not all(name and Path(name).name == name for name in names):
        return
    if not any((record.parent / name).is_file() for name in names):
        return
    lines = "".join(f"{_WRITTEN}{name}\n" for name in names)
    _put(record, lambda draft: draft.write_text(lines, encoding="utf-8", errors="surrogateescape"))


def _put(path: Path, write: Callable[[Path], object]) -> None:
    """Replace `path` by what `write` writes, whole or not at all."""
    draft = path.with_name(f".{path.stem}-{uuid4().hex}{path.suffix}")
    try:
        write(draft)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _left(path: Path) -> RaynasError:
    return RaynasError(
        f"{path} was not written by raynas and was left as it is: move it away, or choose "
        "another folder for the results"
    )
