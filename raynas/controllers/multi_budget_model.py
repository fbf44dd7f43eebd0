"""What a search over several budgets believes: rewards at each budget, on one scale.

Everything is a function of the history. As in `raynas.controllers.surrogate_model`, kernels and
sources are fitted to the first completed trials of each budget, so many that most proposals fit
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raynas.controllers.acquisition import standing, unit_of_standing
from raynas.controllers.features import Features
from raynas.controllers.gaussian_process import Kernel, fit_kernel
from raynas.controllers.multi_source_process import MultiSourceProcess, Source, fit_source
from raynas.controllers.surrogate_model import (
    FEWEST,
    VectorCache,
    kept_of,
    scheduled,
    spread_sample,
)
from raynas.trials import History, Trial

__all__ = ["MultiBudgetModel"]

Vector = NDArray[np.float64]

_FITTED_ON, _FITTED_ABOVE = 300, 60
_SEEN, _SEEN_ABOVE, _BELIEVED = 400, 200, 256
_OWN_KERNEL = 8
"""So many trials of a budget have a kernel fitted to them alone."""


class MultiBudgetModel:
    """Gaussian processes on the reward of a search at several budgets.

    Args:
        features: Vectors of architectures.
        budgets: Shares of a full training, rising.
    """

    def __init__(self, features: Features, budgets: Sequence[float]) -> None:
        self.budgets = tuple(budgets)
        self.rows = VectorCache(features)
        self._prior = features.prior()
        self._fitted: dict[int, tuple[object, Source]] = {}

    def process(self, history: History, pending: bool = True) -> MultiSourceProcess | None:
        """The posterior on the scale of `standing` at the lowest budget.

        Args:
            history: Trials of any of the budgets.
            pending: Whether running trials count as if they had ended as expected.

        Returns:
            None while there is no model: too few trials of the lowest budget have completed, or
            all of them have one reward.
        """
        groups = self._groups(history)
        if _unit(groups[0]) == 0.0:
            return None
        sources = self._sources([_first(group) for group in groups])
        limits = [_SEEN, *[_SEEN_ABOVE] * (len(groups) - 1)]
        kept = [kept_of(_rewards(g), m) for g, m in zip(groups, limits, strict=True)]
        trials = [group[i] for group, places in zip(groups, kept, strict=True) for i in places]
        scores = [_scores(group, groups[0])[k] for group, k in zip(groups, kept, strict=True)]
        running = history.running[-_BELIEVED:] if pending else ()
        return MultiSourceProcess(
            sources,
            self.rows(trials),
            self._levels(trials),
            np.concatenate(scores),
            self.rows(running),
            self._levels(running),
        )

    def unit(self, history: History) -> float:
        """What a difference of 1 in the process at the full budget is in rewards."""
        groups = self._groups(history)
        sources = self._sources([_first(group) for group in groups])
        return _unit(groups[0]) * sources[-1].scale

    def level(self, trial: Trial) -> int:
        """The place of a trial's budget among the budgets."""
        return self.budgets.index(trial.budget)

    def _levels(self, trials: Sequence[Trial]) -> NDArray[np.int64]:
        return np.array([self.level(trial) for trial in trials], dtype=np.int64)

    def _groups(self, history: History) -> list[list[Trial]]:
        groups: list[list[Trial]] = [[] for _ in self.budgets]
        for trial in history.completed_by_end:
            groups[self.level(trial)].append(trial)
        return groups

    def _sources(self, groups: Sequence[Sequence[Trial]]) -> list[Source]:
        """The sources, fitted to these trials where that was not done yet."""
        sources: list[Source] = []
        key: tuple[object, ...] = ()
        for level, group in enumerate(groups):
            key = (*key, tuple((trial.number, trial.reward) for trial in group))
            if level not in self._fitted or self._fitted[level][0] != key:
                self._fitted[level] = key, self._fit(sources, groups[: level + 1])
            sources.append(self._fitted[level][1])
        return sources

    def _fit(self, below: Sequence[Source], groups: Sequence[Sequence[Trial]]) -> Source:
        """The source of the last group, given those of the groups before it."""
        own = groups[-1]
        if not below:
            kernel = self._kernel(own, _FITTED_ON)
            return Source(kernel, noise=kernel.noise)
        variance = below[0].kernel.variance
        kernels = [below[0].kernel, self._prior.kernel(self._prior.mean).scaled(variance)]
        if len(own) >= _OWN_KERNEL and unit_of_standing(_rewards(own)):
            kernels.append(self._kernel(own, _FITTED_ABOVE).scaled(variance))
        limits = [_FITTED_ON, *[_FITTED_ABOVE] * len(below)]
        kept = [spread_sample(_rewards(g), m) for g, m in zip(groups, limits, strict=True)]
        trials = [group[i] for group, places in zip(groups, kept, strict=True) for i in places]
        scores = [_scores(group, groups[0])[k] for group, k in zip(groups, kept, strict=True)]
        x, y = self.rows(trials), np.concatenate(scores)
        return fit_source(below, x, self._levels(trials), y, kernels)

    def _kernel(self, group: Sequence[Trial], limit: int) -> Kernel:
        kept = spread_sample(_rewards(group), limit)
        y = standing(_rewards(group))[kept]
        return fit_kernel(self._prior, self.rows([group[i] for i in kept]), y)


def _first(group: Sequence[Trial]) -> Sequence[Trial]:
    return group[: scheduled(len(group))] if len(group) >= FEWEST else group


def _rewards(group: Sequence[Trial]) -> Vector:
    return np.array([trial.reward for trial in group], dtype=float)


def _unit(group: Sequence[Trial]) -> float:
    return unit_of_standing(_rewards(group)) if len(group) >= FEWEST else 0.0


def _scores(group: Sequence[Trial], lowest: Sequence[Trial]) -> Vector:
    """Rewards about their median, in the unit that the lowest budget has."""
    rewards = _rewards(group)
    if len(rewards) < 2:
        return np.zeros(len(rewards))
    unit = unit_of_standing(rewards)
    scores: Vector = standing(rewards) * (unit / (_unit(lowest) or unit) if unit else 1.0)
    return scores
