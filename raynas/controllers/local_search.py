"""Restarted local search.

White, Nolen and Savani 2021, "Exploring the Loss Landscape in Neural Architecture Search", UAI,
Algorithm 1 (first circulated as "Local Search is State of the Art for NAS Benchmarks"): from a
random architecture, try its neighbors in random order, move to one that is better, and begin at
random again where no neighbor is.

The paper tries all neighbors and takes the best; here the first better one is taken, which needs
fewer trials (its variant "query until lower"). What the current climb is follows from the history
alone: a completed trial is a *peak* while none of its tried neighbors is better, and the best
peak with untried neighbors is climbed on. One trial at a time, that is Algorithm 1; with several
in flight, they are different neighbors of the same peak, or further beginnings.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.arguments import checked
from raynas.controllers.base import Controller
from raynas.controllers.history_increment import news
from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.trials import Architecture, History, Trial

__all__ = ["LocalSearch"]

_DRAWS = 10
"""Mutants drawn before the neighbors are listed."""
_LISTED = 1000
"""Of larger neighborhoods, only so many are listed."""


@checked
class LocalSearch(Controller):
    """Climbs from random beginnings, one neighbor at a time.

    Proposes nothing that the history holds, unless nothing else is found. Where real numbers
    without steps can be chosen, neighborhoods are infinite and a climb never ends.

    Args:
        space: Space of the proposals.
        beginnings: How many random architectures are rewarded before the best is climbed from.

    Raises:
        ConfigurationError: `beginnings` is below 1.
    """

    def __init__(self, space: Space[Any], beginnings: int = 10) -> None:
        super().__init__(space)
        if beginnings < 1:
            raise ConfigurationError(f"beginnings={beginnings}: must be at least 1")
        self.beginnings = beginnings
        self._forget()

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        self._follow(history)
        if len(history.completed) >= self.beginnings:
            # A climb may be taken up again, as a trial in flight can turn out to be better.
            for row in sorted(self._peaks, key=self._rows.height):
                if self._rows.is_beaten(row):
                    self._peaks.remove(row)
                    continue
                peak = self._rows.trials[row].architecture
                if (neighbor := self._untried(peak, history, rng)) is not None:
                    return neighbor
                self._peaks.remove(row)
        return self._beginning(history, rng)

    def _forget(self) -> None:
        self._seen: Sequence[Trial] = ()
        self._rows = _NeighborIndex(self.space)
        self._peaks: list[int] = []

    def _follow(self, history: History) -> None:
        changed = news(self._seen, history.trials)
        if changed is None:
            self._forget()
            changed = list(history)
        self._seen = history.trials
        self._peaks += [self._rows.add(trial) for trial in changed if trial.reward is not None]

    def _untried(
        self, architecture: Architecture, history: History, rng: np.random.Generator
    ) -> Architecture | None:
        """A random neighbor that the history does not hold; None where there is none."""
        tried = history.architectures
        if self.space.size == 1:
            return None
        for _ in range(_DRAWS):
            mutant = self.space.canonical(self.space.mutate(architecture, rng))
            if mutant not in tried:
                return mutant
        listed = map(self.space.canonical, islice(self.space.neighbors(architecture), _LISTED))
        left = [neighbor for neighbor in listed if neighbor not in tried]
        return left[rng.integers(len(left))] if left else None

    def _beginning(self, history: History, rng: np.random.Generator) -> Architecture:
        for _ in range(_DRAWS):
            drawn = self.space.canonical(self.space.sample(rng))
            if drawn not in history.architectures:
                break
        return drawn


class _NeighborIndex:
    """Completed trials as rows of numbers, in which neighbors are quickly found."""

    def __init__(self, space: Space[Any]) -> None:
        self._space = space
        self._columns: dict[str, int] = {}
        self._codes: dict[tuple[str, Any], int] = {}
        self._matrix: NDArray[np.int32] = np.full((64, 8), -1, dtype=np.int32)
        self._rewards: NDArray[np.float64] = np.zeros(64)
        self.trials: list[Trial] = []

    def add(self, trial: Trial) -> int:
        """The row of one more trial."""
        row = len(self.trials)
        self.trials.append(trial)
        taken = self._space.answers(trial.architecture)
        columns = [self._columns.setdefault(path, len(self._columns)) for path in taken]
        codes = [self._codes.setdefault(item, len(self._codes)) for item in taken.items()]
        self._make_room()
        self._matrix[row, columns] = codes
        self._rewards[row] = trial.reward
        return row

    def height(self, row: int) -> tuple[float, int]:
        """What peaks are sorted by: the best first, earlier ones at ties."""
        return -float(self._rewards[row]), self.trials[row].number

    def is_beaten(self, row: int) -> bool:
        """Whether a neighbor is better, or as good and older."""
        count, reward = len(self.trials), self._rewards[row]
        better = np.flatnonzero(self._rewards[:count] >= reward)
        one, others = self._matrix[row], self._matrix[better]
        differing = ((others != one) & (others >= 0) & (one >= 0)).sum(axis=1)
        neighbors = better[differing == 1]
        return any(self.height(other) < self.height(row) for other in neighbors)

    def _make_room(self) -> None:
        rows, columns = self._matrix.shape
        more = (
            rows if len(self.trials) > rows else 0,
            columns + len(self._columns) if len(self._columns) > columns else 0,
        )
        if any(more):
            grown = ((0, more[0]), (0, more[1]))
            self._matrix = np.pad(self._matrix, grown, constant_values=-1)
            self._rewards = np.pad(self._rewards, (0, more[0]))
