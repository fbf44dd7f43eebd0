"""A search followed through the time in which its store does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from raynas.analysis.search_view import SearchView
from raynas.errors import StoreError
from raynas.stored import Look

__all__ = ["following"]


def following(run: Look) -> Callable[[], SearchView]:
    """Gives the search as it is now, or as it was last seen while its store does not answer."""
    last = run.view()

    def look() -> SearchView:
        nonlocal last
        try:
            run.follow()
            last = run.view()
        except StoreError as error:
            since = time.strftime("%H:%M:%S", time.localtime(last.now))
            trouble = f"Shown as of {since}, as the store does not answer: {error}"
            return replace(last, trouble=trouble)
        return last

    return look
