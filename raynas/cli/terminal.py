"""Text on the terminal: what came from elsewhere cannot move the cursor, color or hide anything."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from raynas.redaction import scrubbed, secret_values

__all__ = ["Terminal", "complain", "printable", "say"]

# Escape sequences with their arguments, then all other control characters but tab and line end,
# and the characters that change the direction of writing or are not shown.
_CONTROL = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[@-_]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    r"|[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def printable(text: str) -> str:
    """`text` without control sequences and what else a terminal does not show as a character."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def say(text: str, end: str = "\n", *, err: bool = False) -> None:
    """Write `text` to stdout, or to stderr with `err`; `printable`."""
    stream = sys.stderr if err else sys.stdout
    stream.write(printable(text) + end)
    stream.flush()


def complain(text: str) -> None:
    """Write a line to stderr: `text`, `printable`, without secrets, after the program's name."""
    sys.stderr.write(f"raynas: {printable(scrubbed(text, secret_values()))}\n")


class Terminal(Console):
    """Rich's console, for text of which nothing is known.

    Only styles that are Rich's own reach the terminal as control sequences.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"highlight": False, "emoji": False, **options})

    def print(self, *objects: Any, **options: Any) -> None:
        """See `rich.console.Console.print`; in a file or a pipe, lines of text are not wrapped."""
        if not self.is_terminal and all(isinstance(each, str | Text) for each in objects):
            options = {"soft_wrap": True, **options}
        super().print(*objects, **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """See `rich.console.Console.render`."""
        for segment in super().render(renderable, options):
            if segment.control is None and _CONTROL.search(segment.text):
                yield Segment(printable(segment.text), segment.style)
            else:
                yield segment
