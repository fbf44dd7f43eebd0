"""Store of the trainings around a search, such as those of stage 2."""

from __future__ import annotations

import os
from pathlib import Path

from raynas.store.base import StoreLike

__all__ = ["beside"]


def beside(store: StoreLike, suffix: str) -> StoreLike:
    """A place beside `store`: another journal, so that the search may still be running.

    A database holds any number of studies and is returned as it is.

    Args:
        store: Store of the search.
        suffix: Suffix of the journal's name, such as ``"-full"``.
    """
    if not isinstance(store, str | os.PathLike) or "://" in str(store):
        return store
    path = Path(store)
    return path.with_name(f"{path.stem}{suffix}{path.suffix}")
