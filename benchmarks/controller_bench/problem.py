"""What is searched in a benchmark: a space, and what is known of each of its architectures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from raynas import Space

__all__ = ["Problem", "Row"]


@dataclass(frozen=True)
class Row:
    """What the table knows of an architecture.

    Attributes:
        true: Its value, larger being better: the mean of its runs.
        runs: The values of single trainings, where there are several.
        test: What is reported of an incumbent: a test accuracy where there is one, else `true`.
        seconds: How long its training took.
    """

    true: float
    runs: tuple[float, ...]
    test: float
    seconds: float


@dataclass(frozen=True)
class Problem:
    """A space with a table.

    Attributes:
        name: By which it is chosen and reported.
        space: What is searched.
        look_up: From an architecture to its row; None where the table has none: infeasible.
        best: An architecture of the highest true value.
        top: A true value that is nearly as good: that of the best 0.1 % of a table.
        typical: The mean true value of random architectures, in whose distance to the optimum
            regrets are told.
        spread: Standard deviation of the noise where there are no real runs.
        tested: Whether rows have a test value of their own.
    """

    name: str
    space: Space[Any]
    look_up: Callable[[Any], Row | None]
    best: Any
    top: float
    typical: float
    spread: float = 0.0
    tested: bool = False

    @property
    def optimum(self) -> float:
        """The highest true value."""
        row = self.look_up(self.best)
        if row is None:
            raise ValueError(f"{self.name}: its best architecture has no row")
        return row.true

    @property
    def noisy(self) -> bool:
        """Whether rewards of single trainings can be drawn."""
        row = self.look_up(self.best)
        return self.spread > 0 or (row is not None and len(row.runs) > 1)

    def draw(self, row: Row, rng: np.random.Generator) -> float:
        """The value of a single training."""
        if self.spread > 0:
            return row.true + self.spread * float(rng.standard_normal())
        return row.runs[int(rng.integers(len(row.runs)))] if row.runs else row.true
