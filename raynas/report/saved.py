"""What a command finds, kept in the search's folder: each file whole or not at all."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from raynas.errors import RaynasError

__all__ = ["load", "replace_text", "save"]


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
            f"cannot write {path}: {error.strerror}; put that right and run the same command again"
        ) from error


def load(path: Path) -> dict[str, Any] | None:
    """What `save` wrote to `path`; None where there is no such thing."""
    with suppress(OSError, ValueError):
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
    return None


def replace_text(path: Path, text: str) -> None:
    """Make `text` the content of `path`, which until then keeps what it had.

    Raises:
        OSError: It cannot be written.
    """
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(text, encoding="utf-8", errors="backslashreplace")
    os.replace(unfinished, path)
