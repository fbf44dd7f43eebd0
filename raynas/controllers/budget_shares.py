"""How the cost of a search is shared among the lengths of training, and what is kept for the end.

By expected gain per cost alone a search commits itself to full trainings of a local optimum, as a
single short training hardly ever changes the choice, while a hundred do. So each longer training
has a share of the cost: the less the shorter ones tell of the full ones, the larger. How much they
tell is averaged over what is believed of their correlation, so that a search that knows nothing of
it yet trains a few architectures in full.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raynas.controllers.cost_limit import CostLimit
from raynas.controllers.multi_source_process import CORRELATIONS, MultiSourceProcess
from raynas.trials import History

__all__ = ["chained_correlation", "next_level"]

Vector = NDArray[np.float64]

_CAUTION = 0.7
"""Benchmarks/cost.py, in points below the best at cost 12 with 0.5, 0.6 and 0.7: nb201 0.033, 0.013
and 0.012 (150 seeds), nb201-cifar100-own 0.17, 0.27 and 0.25, nb201-imagenet-own 0.34, 0.35 and
0.40 (30 seeds, standard errors of 0.03). From 1 on, there are too few full trainings.
"""
_PROBES = 2
"""So many full trainings show what short ones tell. With three, nb201-imagenet ends at cost 12 at
0.97 instead of 0.67 points below the best (benchmarks/cost.py, 20 seeds), and nb201-relabeled at
cost 24 at 0.29 instead of 0.60.
"""
_TIED = 10
"""So many architectures that share the best reward show that a budget tells no more about the best:
nb201 with its short rewards negated (benchmarks/cost.py), where many are at chance.
"""


def next_level(
    history: History,
    process: MultiSourceProcess,
    budgets: Sequence[float],
    known: float,
    first: int,
    limit: CostLimit,
) -> int:
    """Place of the highest budget that has less than its share of the cost.

    What is left goes to the lowest one, or to the one below those that tell something.

    Two full trainings come first, where the limit leaves enough for them, or once many
    architectures share the best reward of the shortest: they show whether short ones can be
    believed. Without them, the only full training is the last one. Where the shortest are found to
    be noise, which takes no full training, longer ones have their shares at once.

    Args:
        history: All trials so far.
        process: The posterior; its highest sources are the budgets.
        budgets: Shares of a full training, rising to 1.
        known: Share of the variance at the lowest budget that is explained where trials are.
        first: Place of the lowest budget that tells something, as far as those below it do not.
        limit: What the search may spend.
    """
    top = len(budgets) - 1
    probing = len(history.at_budget(1.0)) < _PROBES and not first
    if probing and (history.cost >= limit.before_probes or _is_exhausted(history, budgets[0])):
        return top
    left = 1.0
    lowest = process.top - len(budgets) + 1
    for level in range(top - probing, max(first, 1) - 1, -1):
        values, weights = chained_correlation(process, lowest + level - 1)
        believed = np.sign(weights @ values)  # the model goes by this sign, not by the other one
        told = known * np.maximum(believed * values, 0.0) ** 2
        share = left * float(weights @ (1 - told) ** _CAUTION)
        left -= share
        spent = budgets[level] * len(history.at_budget(budgets[level]))
        if spent + budgets[level] <= share * (history.cost + budgets[level]):
            return level
    return max(first - 1, 0)


def _is_exhausted(history: History, budget: float) -> bool:
    """Whether many architectures share the best reward at a budget."""
    rewards = history.at_budget(budget).rewards
    return bool(rewards) and rewards.count(max(rewards)) >= _TIED


def chained_correlation(process: MultiSourceProcess, level: int) -> tuple[Vector, Vector]:
    """What the correlation of a source with the true one may be, rising, and how probably.

    Of budgets that are noise, which the process leaves out, it is that of the highest one.
    """
    values, weights = np.ones(1), np.ones(1)
    for source in process.sources[max(level + 1, 0) :]:
        if source.weights:
            values = np.outer(values, CORRELATIONS).ravel()
            weights = np.outer(weights, source.weights).ravel()
    order = np.argsort(values)
    return values[order], weights[order]
