"""Every architecture once.

The order is fixed. By default it is spread out: rank k of the space comes at place
``k * step mod size`` with `step` near size over the golden ratio, so that the first architectures
cover the space evenly, however many they are (Weyl's equidistributed sequence; Knuth, "The Art of
Computer Programming" volume 3, section 6.4, on Fibonacci hashing).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal

import numpy as np

from raynas.arguments import checked
from raynas.controllers.base import Controller
from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.trials import Architecture, History

__all__ = ["Grid"]


@checked
class Grid(Controller):
    """Proposes the first architecture, in its order, that the history does not hold.

    None once there is none left. Nothing is random. Of those that make the same network, one is
    proposed: see `Space.canonical`.

    Args:
        space: Space of the proposals.
        order: ``"spread"``, or ``"listed"`` for that of `Space.enumerate`.
        levels: Number of values at which a real number without steps is tried, from its lower to
            its upper bound; evenly spaced in the logarithm if it is declared with ``log=True``.

    Raises:
        ConfigurationError: There is no such order, or `levels` is below 2.
    """

    def __init__(
        self, space: Space[Any], order: Literal["spread", "listed"] = "spread", levels: int = 5
    ) -> None:
        super().__init__(space)
        if order not in ("spread", "listed"):
            raise ConfigurationError(f"order={order!r}: use 'spread' or 'listed'")
        if levels < 2:
            raise ConfigurationError(f"levels={levels}: must be at least 2")
        self.order = order
        self.levels = levels
        self._finite = space.gridded(levels)
        self._passed: list[Architecture] = []
        self._ahead: list[Architecture] = []
        self._begin()

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        del rng
        tried = history.architectures
        if not all(passed in tried for passed in self._passed):
            self._begin()
        while self._ahead and self._ahead[0] in tried:
            self._passed.append(self._ahead.pop())
            self._ahead = self._advance()
        return self._ahead[0] if self._ahead else None

    def _begin(self) -> None:
        self._order = self._spread() if self.order == "spread" else self._finite.enumerate()
        self._passed = []
        self._ahead = self._advance()

    def _advance(self) -> list[Architecture]:
        """The next one in the order, if there is one."""
        return [self.space.canonical(architecture) for architecture in islice(self._order, 1)]

    def _spread(self) -> Iterator[Architecture]:
        size = int(self._finite.size)
        step = max(1, size * _GOLDEN >> 64)
        while math.gcd(step, size) > 1:
            step += 1
        for place in range(size):
            architecture = self._finite.at(place * step % size)
            if architecture is not None:
                yield architecture


_GOLDEN = 0x9E3779B97F4A7C15
"""2 ** 64 over the golden ratio."""
