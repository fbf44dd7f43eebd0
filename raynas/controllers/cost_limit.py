"""What a search over budgets may spend."""

from __future__ import annotations

import math
from dataclasses import dataclass

from raynas.trials import History

__all__ = ["NO_LIMIT", "CostLimit"]

_ROUNDING = 1e-9  # sums of shares such as 1/60 miss whole numbers by it
_LEAST_FOR_PROBES = 8.0
"""From this limit on, full trainings that show what short ones tell are affordable."""
_BEFORE_PROBES, _MOST_BEFORE_PROBES = 1 / 4, 6.0
"""What the search spends before them: a share of the limit, and so much at most. Without a limit,
nobody knows yet if they are worth it: on mnist at cost 6 (benchmarks/cost.py, 40 seeds) it ends 0.4
points below the best, and 0.9 points where they come at 3 or 4. With a limit of 12, nb201 ends at
0.01, and at 0.06 where they come at 1 (30 seeds).
"""


@dataclass(frozen=True)
class CostLimit:
    """What a search may spend, of which the last full training is for its final choice.

    Attributes:
        trainings: Cost of all trials together, in full trainings.
        trials: Number of trials.
    """

    trainings: float = math.inf
    trials: float = math.inf

    def allows(self, history: History, budget: float) -> bool:
        """Whether what a trial at `budget` costs is within the limit."""
        return history.cost + budget <= self.trainings + _ROUNDING

    def leaves_a_full_training(self, history: History, budget: float) -> bool:
        """Whether a full training is still within the limit after a trial at `budget`."""
        return self.allows(history, budget + 1) and len(history) + 1 < self.trials

    @property
    def before_probes(self) -> float:
        """What is spent before the full trainings that show what short ones tell."""
        if self.trainings < _LEAST_FOR_PROBES:
            return math.inf
        return min(_BEFORE_PROBES * self.trainings, _MOST_BEFORE_PROBES)

    def is_reached(self, history: History, least: float) -> bool:
        """Whether there may be no further trial, even at the `least` budget."""
        return not self.allows(history, least) or len(history) >= self.trials


NO_LIMIT = CostLimit()
