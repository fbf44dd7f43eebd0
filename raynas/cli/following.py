"""A search followed through the time in which its store does not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from raynas.analysis.search_view import SearchView
from raynas.errors import StoreError
from raynas.stored import Look
from raynas.wording import moment

__all__ = ["following"]


def following(run: Look, target: str = "FILE") -> Callable[[], SearchView]:
    """Gives the search as it is now, or as it was last seen while its store does not answer.

    Args:
        run: Search to look at.
        target: What names the search in commands, see `SearchView.target`.
    """
    last = replace(run.view(), target=target)

    def look() -> SearchView:
        nonlocal last
        try:
            run.follow()
            last = replace(run.view(), target=target)
        except StoreError as error:
            trouble = f"Shown as of {moment(last.now)}, as the store does not answer: {error}"
            return replace(last, trouble=trouble)
        return last

    return look
