"""What a search over budgets believes of architectures, and of its budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raynas.controllers.budget_shares import chained_correlation
from raynas.controllers.multi_source_process import MultiSourceProcess
from raynas.trials import History, Trial

__all__ = ["Belief", "Trust", "trust_in"]

_INTERVAL = 0.9  # the level that `Trust` documents


@dataclass(frozen=True)
class Trust:
    """How far the results of a budget go with those of the full one.

    Attributes:
        budget: Share of a full training.
        trials: Completed trials of that budget.
        full: Completed full trainings; without any, what follows is assumed rather than measured.
        correlation: Posterior mean of the correlation between noise-free rewards.
        low: Lower end of its 90 % credible interval.
        high: Upper end.
    """

    budget: float
    trials: int
    full: int
    correlation: float
    low: float
    high: float


@dataclass(frozen=True)
class Belief:
    """What is believed of an architecture at the full budget.

    Attributes:
        trial: Trial of the architecture at its highest budget.
        mean: Expected reward of a full training relative to the highest one expected, at most 0.
        deviation: Standard deviation of its reward without noise.
        probability: Probability of being the best of all architectures tried.
    """

    trial: Trial
    mean: float
    deviation: float
    probability: float


def trust_in(
    process: MultiSourceProcess, history: History, budgets: Sequence[float]
) -> list[Trust]:
    """How far each budget below the full one can be trusted.

    Args:
        process: The posterior, whose highest sources are the budgets.
        history: The trials behind it.
        budgets: Shares of a full training, rising to 1.
    """
    found = []
    full = len(history.at_budget(budgets[-1]).completed)
    lowest = process.top - len(budgets) + 1
    for level, budget in enumerate(budgets[:-1]):
        values, weights = chained_correlation(process, lowest + level)
        ends = np.searchsorted(np.cumsum(weights), [(1 - _INTERVAL) / 2, (1 + _INTERVAL) / 2])
        low, high = values[np.minimum(ends, len(values) - 1)]
        trials = len(history.at_budget(budget).completed)
        found.append(Trust(budget, trials, full, float(values @ weights), float(low), float(high)))
    return found
