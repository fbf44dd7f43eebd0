"""What happened in a search, for people and their tools: one JSON line an event, and logs.

Nothing is ever read back from here: the store is the only state.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from raynas.errors import printable
from raynas.own_files import open_to_append

__all__ = ["Events"]


class Events:
    """Writes ``events.jsonl`` and ``logs/<trial>.log`` in a search's folder; never fails a search.

    Args:
        folder: Folder of the log; None for no log.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file: int | None = None

    def say(self, event: str, **facts: Any) -> None:
        """Add a line: `event` and `facts`, with the time in seconds since the epoch."""
        if self._folder is None:
            return
        line = json.dumps({"time": round(time.time(), 3), "event": event, **facts}, default=str)
        with suppress(OSError):
            if self._file is None:
                self._file = open_to_append(self._folder / "events.jsonl", b'{"time": ')
            os.write(self._file, line.encode() + b"\n")

    def log(self, number: int, heading: str, text: str) -> None:
        """Add what a run of trial `number` printed, under a heading, to the trial's log."""
        if self._folder is None or not text:
            return
        with suppress(OSError):
            file = open_to_append(self._folder / "logs" / f"{number}.log", b"--- ")
            with os.fdopen(file, "a", encoding="utf-8") as log:
                log.write(printable(f"--- {heading}\n{text.rstrip()}\n"))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
