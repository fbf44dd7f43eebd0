"""The rescue of a history whose store was lost while the search ran."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from raynas.errors import LostStoreError
from raynas.store.base import Store
from raynas.trials import History, Outcome

__all__ = ["Rescue"]


class Rescue:
    """Writes what is in memory beside a store that was lost, once; from then on the loss stands.

    Args:
        store: The store of the search.

    Attributes:
        ending: Number and outcome of the trial whose end is being stored, which `history` lacks.
    """

    def __init__(self, store: Store[Any]) -> None:
        self._store = store
        self._lost: LostStoreError | None = None
        self.ending: tuple[int, Outcome] | None = None

    @contextmanager
    def watched(self, history: Callable[[], History]) -> Iterator[None]:
        """Let a `LostStoreError` of the block say what was rescued.

        Args:
            history: Gives what is in memory.

        Raises:
            LostStoreError: The store was lost, in this block or in an earlier one.
        """
        if self._lost is not None:
            raise self._lost
        try:
            yield
        except LostStoreError as loss:
            self._lost = self._rescued(loss, history())
            raise self._lost from None

    def _rescued(self, loss: LostStoreError, history: History) -> LostStoreError:
        """`loss`, after what is in memory was written beside the store."""
        if self._store.read_only:
            return LostStoreError(f"{loss} while it was being read: open it again")
        if self.ending is not None:
            history = history.told(*self.ending, time.time())
        try:
            kept = self._store.rescue(history)
        except OSError as error:
            return LostStoreError(f"{loss} while the search ran, and a copy fails too: {error}")
        return LostStoreError(
            f"{loss} while the search ran. Results so far: {len(history.ended):,}, all in the "
            f"journal {kept}. To go on, {self._store.way_back(kept)}"
        )
