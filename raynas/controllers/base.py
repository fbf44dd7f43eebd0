"""The role of a controller."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic

import numpy as np
from typing_extensions import TypeVar

from raynas.space import Space
from raynas.trials import History, Trial

__all__ = ["Controller"]

A = TypeVar("A", default=Any)


class Controller(ABC, Generic[A]):
    """Proposes the next architecture to try.

    A controller depends on nothing but its constructor's arguments, the history and the
    generator. It may cache, but a fresh instance that is given the same history and generator
    proposes the same, so that a search can be replayed.

    Args:
        space: Space of the proposals.
    """

    def __init__(self, space: Space[A]) -> None:
        self.space = space

    @abstractmethod
    def propose(self, history: History[A], rng: np.random.Generator) -> A | None:
        """The next architecture, or None when the space is exhausted.

        Args:
            history: Every asked trial in ask order, running ones too.
            rng: A generator of this proposal's own, made from the seed and the number.
        """

    def propose_batch(
        self, history: History[A], count: int, rng: np.random.Generator
    ) -> Sequence[A]:
        """Up to `count` architectures to try next, at least one unless the space is exhausted.

        Called where many trials can start at once. By default a single one, by `propose`; a
        controller overrides it where several cost much less together than one by one.

        Args:
            history: Every asked trial in ask order, running ones too.
            count: How many are wanted, at least 1.
            rng: A generator of the first proposal's own, made from the seed and the number.
        """
        del count
        proposed = self.propose(history, rng)
        return () if proposed is None else (proposed,)

    def recommend(self, history: History[A]) -> Trial[A] | None:
        """The completed trial believed to be best, or None if no trial has completed.

        By default that of the highest reward. A controller that models the noise of rewards may
        know better than to believe a lucky one.
        """
        return next(iter(history.best(1)), None)
