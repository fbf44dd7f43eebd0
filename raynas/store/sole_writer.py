"""Proposals of a store that may not keep other processes from writing to the same search."""

from __future__ import annotations

from typing import TypeVar

from raynas.errors import StoreError
from raynas.store.base import Store
from raynas.trials import Stopped, Trial

__all__ = ["AnotherWriterError", "ask_alone"]

A = TypeVar("A")

_WITHDRAWN = Stopped("raynas: withdrawn, as another process wrote first")


class AnotherWriterError(StoreError):
    """Another process writes to the same search."""


def ask_alone(store: Store[A], number: int, architecture: A, budget: float) -> Trial[A]:
    """Store that `architecture` is going to be tried, as proposal `number` and no other.

    Args:
        store: The store of the search.
        number: How many proposals the search has, as far as this process knows.
        architecture: What is going to be tried.
        budget: Share of a full training.

    Raises:
        AnotherWriterError: The store has more proposals; this one is withdrawn.
        StoreError: It could not be stored.
    """
    if not store.held and store.count() != number:
        raise _another_writer(number)
    trial = store.ask(architecture, budget)
    if trial.number != number:
        store.tell(trial.number, _WITHDRAWN)
        raise _another_writer(number)
    return trial


def _another_writer(number: int) -> AnotherWriterError:
    return AnotherWriterError(
        f"proposal {number} is in the store already: another process, or another AskTell in this "
        "one, writes to this search; end one of the two, or give them different names"
    )
