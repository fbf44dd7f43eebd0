"""Architectures that are trained one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from raynas.controllers import Controller
from raynas.shortlist import planned
from raynas.space import Space
from raynas.trials import Architecture, History

__all__ = ["Listed"]


class Listed(Controller):
    """Proposes the architectures of a list, `seeds` times each: first all once, then again.

    Args:
        space: What they are members of.
        architectures: The list.
        seeds: How often to try each.
    """

    def __init__(
        self, space: Space[Any], architectures: Sequence[Architecture], seeds: int = 1
    ) -> None:
        super().__init__(space)
        self.architectures = tuple(architectures)
        self.seeds = seeds

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`; trials of other architectures are passed over."""
        del rng
        return next(iter(planned(self.architectures, self.seeds, history)), None)
