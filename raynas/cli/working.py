"""A line that says what a command is doing, since when, and when it ends at the latest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn

__all__ = ["working"]


@contextmanager
def working(console: Console, what: str, limit: str = "") -> Iterator[Callable[[str], None]]:
    """Show a line while the block runs; gives a function that changes its words.

    Args:
        console: Console to show it on.
        what: The words at first.
        limit: Latest end of the work, in words.
    """
    if not console.is_terminal:
        yield _unseen
        return
    columns = (SpinnerColumn(), "{task.description}", TimeElapsedColumn(), limit)
    with Progress(*columns, console=console, transient=True) as shown:
        line = shown.add_task(what, total=None)
        yield lambda words: shown.update(line, description=words)


def _unseen(words: str) -> None:
    """Words that no terminal shows."""
    del words
