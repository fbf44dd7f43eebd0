"""Output in notebooks: small HTML tables, and text that stays up to date while a cell runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from importlib import import_module
from typing import Any

__all__ = ["MOST_ROWS", "html_table", "in_notebook", "live_text"]

MOST_ROWS = 10
"""Rows of a table in a notebook."""

_SECONDS_BETWEEN_UPDATES = 1.0  # as a clock ticks


def html_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as HTML, for ``_repr_html_``; all texts are escaped.

    Args:
        caption: Text above the table.
        head: Titles of the columns; none for a table without a head.
        rows: Cells of each row.
    """

    def line(kind: str, cells: Sequence[object]) -> str:
        style = "text-align:left;vertical-align:top;overflow-wrap:anywhere"
        inside = "".join(f'<{kind} style="{style}">{escape(str(cell))}</{kind}>' for cell in cells)
        return f"<tr>{inside}</tr>"

    titles = f"<thead>{line('th', head)}</thead>" if head else ""
    body = "".join(line("td", row) for row in rows)
    return f"<p>{escape(caption)}</p><table>{titles}<tbody>{body}</tbody></table>"


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = sys.modules.get("IPython")
    return shell is not None and hasattr(shell.get_ipython(), "kernel")


@contextmanager
def live_text(words: Callable[[], str]) -> Iterator[None]:
    """Show `words` below the running cell of a notebook, up to date; elsewhere do nothing.

    Args:
        words: Called once a second, and at the end, for the text to show.
    """
    if not in_notebook():
        yield
        return
    ipython = import_module("IPython.display")

    def shown() -> Any:
        return ipython.HTML(f"<pre>{escape(words())}</pre>")

    handle = ipython.display(shown(), display_id=True)
    over = threading.Event()

    def keep_up() -> None:
        while not over.wait(_SECONDS_BETWEEN_UPDATES):
            handle.update(shown())

    thread = threading.Thread(target=keep_up, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        handle.update(shown())
