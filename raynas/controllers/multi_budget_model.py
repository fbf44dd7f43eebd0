"""What a search over several budgets believes: rewards at each budget, on one scale.

Everything is a function of the history. As in `raynas.controllers.surrogate_model`, kernels and
sources are fitted to the first completed trials of each budget, so many that most proposals fit
nothing.

Below the budgets there may be an earlier search, as the cheapest source. Of several, and of several
budgets of one, it is the one under which the rewards at the lowest budget are the likeliest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import repeat

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from raynas.controllers.acquisition import standing, unit_of_standing
from raynas.controllers.earlier_observations import Observed
from raynas.controllers.features import Features
from raynas.controllers.gaussian_process import GaussianProcess, Kernel, Prior, fit_kernel
from raynas.controllers.multi_source_process import (
    CORRELATIONS,
    FULL_NOISE,
    USUAL_NOISE,
    USUAL_SCALE,
    MultiSourceProcess,
    Source,
    fit_source,
    prior_weights,
)
from raynas.controllers.permutation_test import log_odds_of_structure, share_explained_worse
from raynas.controllers.subsampling import FEWEST, kept_of, scheduled, spread_sample
from raynas.controllers.vector_cache import VectorCache
from raynas.power_scaling import UnitScale
from raynas.trials import History, Trial

__all__ = ["MultiBudgetModel"]

Vector = NDArray[np.float64]
Levels = NDArray[np.int64]

_FITTED_ON, _FITTED_ABOVE = 300, 60  # for the time of a proposal, like those below
_SEEN, _SEEN_ABOVE, _BELIEVED = 400, 200, 256
"""A cubic cost, as in `raynas.controllers.surrogate_model`."""
_OWN_KERNEL = 8
"""So many trials of a budget have a kernel fitted to them alone."""
_SILENT = 10
"""So many equal rewards show that a budget tells nothing."""
_FROM, _FEW_DECISIONS = 2.0, 4
"""In trials a decision, from how many on the lowest budget is asked for structure. From 2.5 on,
nb201-shuffled ends at cost 12 at 0.80 instead of 0.67 points below the best, and nb201-blurred at
cost 6 at 0.84 instead of 0.94 (benchmarks/cost.py, 50 and 30 seeds).
"""
_TOLERATED = 1.0
"""The evidence for structure, a logarithm, may be so far below that for noise. Of NAS-Bench-201's
short trainings (benchmarks/cost.py, nb201) it is after 12 trials in 20 of 20 searches, and of
shuffled ones in 7.
"""
_DOUBTED = 0.5  # less probable than not
_SAID_OF_OTHERS = 1.0
"""So much at most do the log odds of a budget of noise say of others: a shortest one whose rewards
are all equal is common, and tells nothing of longer ones. By hand.
"""
_FULL_ALONE = -1
"""Place of the source of full trainings directly above the shortest ones; those above longer ones
have the places below. Trainings between are of what short ones favor, and say too little: with the
next budget in place of the full one, mnist is 0.46 instead of 0.38 points below the best at cost 6
(benchmarks/cost.py, 60 seeds).
"""
_RELATED = 0.4
"""An earlier search whose correlation is probably lower is left out. One of Cora then takes a mean
of 67 trials to one of the best of Computers instead of 75, and 56 without any (20 seeds of
benchmarks/transfer.py, with a standard error of 6).
"""
_LINEAR = 2.0  # units below the best from which distances count less; chosen by hand
_LEAST = 1e-300  # far above the smallest double
_DIGITS = 9  # as in `standing`: the last ones depend on the unit of the rewards
_SCALE_ABOVE_EARLIER = 1.5
"""Rewards have a unit of their own then, taken from architectures that were chosen to be good."""


class MultiBudgetModel:
    """Gaussian processes on the reward of a search at several budgets.

    Args:
        features: Vectors of architectures.
        budgets: Shares of a full training, rising.
        earlier: What earlier searches observed.

    Attributes:
        lowest: Place of the source that is the lowest budget: 1 above an earlier search, else 0.
    """

    def __init__(
        self, features: Features, budgets: Sequence[float], earlier: Sequence[Observed] = ()
    ) -> None:
        self.budgets = tuple(budgets)
        self.lowest = 1 if earlier else 0
        self.rows = VectorCache(features)
        self._earlier = [_kept(some, _SEEN) for some in earlier]
        self._features = features
        self._decisions = len(features.decisions)
        self._grouped: tuple[History | None, list[Observed]] = None, []
        self._fitted: dict[tuple[int, int], tuple[object, Source]] = {}
        self._tested: dict[int, tuple[object, float]] = {}

    @cached_property
    def _prior(self) -> Prior:
        """Prior of the kernels' hyperparameters; not made with the object, as it takes a sample."""
        return self._features.prior()

    def process(self, history: History, pending: bool = True) -> MultiSourceProcess | None:
        """The posterior on the scale of `standing` at the lowest source.

        Args:
            history: Trials of any of the budgets.
            pending: Whether running trials count as if they had ended as expected.

        Returns:
            None while there is no model: there is no earlier search, and too few trials of the
            lowest budget have completed, or all of these few have one reward. Where its rewards
            are noise, the other budgets make the model.
        """
        if self._is_misled(history):
            return self._alone.process(history, pending)
        own = self._own(history)
        if not self._earlier and not self.first(history) and _unit(own[0]) == 0.0:
            return None
        sources, groups = self._sources(own, self._doubt(history))
        limits = [*[_SEEN] * (self.lowest + 1), *[_SEEN_ABOVE] * (len(own) - 1)]
        x, levels, y = self._joined(groups, limits)
        modeled = self.budgets[-len(own) :]
        running = history.running if pending else ()
        waiting = [trial for trial in running if trial.budget in modeled][-_BELIEVED:]
        places = [self.lowest + modeled.index(trial.budget) for trial in waiting]
        pending_levels = np.array(places, dtype=np.int64)
        return MultiSourceProcess(sources, x, levels, y, self.rows(waiting), pending_levels)

    def unit(self, history: History) -> float:
        """What a difference of 1 in the process at the full budget is in rewards."""
        if self._is_misled(history):
            return self._alone.unit(history)
        own = self._own(history)
        sources, _ = self._sources(own, self._doubt(history))
        return (unit_of_standing(own[0].rewards) if len(own[0]) else 0.0) * sources[-1].scale

    def _is_misled(self, history: History) -> bool:
        """Whether there are earlier searches and probably none tells much of this one."""
        own = self._own(history)
        if not self._earlier or self.first(history) or len(own[0]) < FEWEST:
            return False
        weights = np.array(self._sources(own, 1.0)[0][self.lowest].weights)
        return bool(weights[CORRELATIONS >= _RELATED].sum() < _DOUBTED)

    @cached_property
    def _alone(self) -> MultiBudgetModel:
        """The model of this search alone."""
        return MultiBudgetModel(self._features, self.budgets)

    def structure(self, history: History, level: int = 0) -> float:
        """Probability that rewards at a budget are more than noise.

        Either of two signs is enough: a Gaussian process fitted to them explains them about as well
        as chance does, which tells exact rewards of a few trials from noise, or a permutation test,
        which tells noisy rewards of more trials from it. Full trainings then speak for noise or
        against it by what they make of the correlation. While there are few trials, nothing speaks
        against structure; of many equal rewards it is 0. Earlier searches do not count.

        Args:
            history: All trials.
            level: Place of the budget, below the full one.
        """
        return float(expit(self._log_odds(history, level)))

    def _log_odds(self, history: History, level: int) -> float:
        """Logarithm of the odds of `structure`; infinite while there are few trials."""
        if self._earlier:
            return self._alone._log_odds(history, level)
        groups = self._groups(history)
        if len(self.budgets) > 1 and _is_silent(groups[level].rewards):
            return -np.inf
        first = [_first(group) for group in (groups[level], groups[-1])]
        a_decision = len(first[0]) / max(self._decisions, _FEW_DECISIONS)
        if len(self.budgets) == 1 or a_decision < _FROM:
            return np.inf
        alone = self._source(level, 0, (), first[:1])
        share = self._share_explained_worse(level, first[0])
        full = self._source(_FULL_ALONE - level, 1, [alone], first, is_full=True)
        by_itself = max(alone.evidence + _TOLERATED, log_odds_of_structure(share, a_decision))
        return by_itself + _log_odds_of_relation(full)

    def _share_explained_worse(self, level: int, group: Observed) -> float:
        """`share_explained_worse` of the rewards at a budget, kept until there are others."""
        key = len(group), group.x.tobytes(), group.rewards.tobytes()
        if level not in self._tested or self._tested[level][0] != key:
            kept = spread_sample(group.rewards, _FITTED_ON)
            kernel = self._prior.kernel(self._prior.mean)
            share = share_explained_worse(kernel, group.x[kept], standing(group.rewards)[kept])
            self._tested[level] = key, share
        return self._tested[level][1]

    def first(self, history: History) -> int:
        """Place of the lowest budget that tells something.

        Budgets up to one are noise where that one seems to be, and all of them together do: of one
        for which a good one below has chosen the trials, rewards tell little.
        """
        levels = range(len(self.budgets) - 1)
        odds = np.array([self._log_odds(history, level) for level in levels])
        if not len(odds) or odds[0] == np.inf:
            return 0
        together = np.maximum(np.where(odds == np.inf, 0.0, odds), -_SAID_OF_OTHERS).cumsum()
        noise = np.flatnonzero((odds < logit(_DOUBTED)) & (together < 0))
        return int(noise[-1]) + 1 if len(noise) else 0

    def _doubt(self, history: History) -> float:
        """`structure` of the highest budget that is left out, or else of the lowest one."""
        return self.structure(history, max(self.first(history) - 1, 0))

    def _groups(self, history: History) -> list[Observed]:
        """The completed trials of each budget by their end."""
        if self._grouped[0] is not history:
            groups: list[list[Trial]] = [[] for _ in self.budgets]
            for trial in history.completed_by_end:
                groups[self.budgets.index(trial.budget)].append(trial)
            rewards = [np.array([trial.reward for trial in group], dtype=float) for group in groups]
            observed = [Observed(self.rows(g), r) for g, r in zip(groups, rewards, strict=True)]
            self._grouped = history, observed
        return self._grouped[1]

    def _own(self, history: History) -> list[Observed]:
        """`_groups` without those of the lowest budgets that are noise."""
        return self._groups(history)[self.first(history) :]

    def _sources(
        self, own: Sequence[Observed], structure: float
    ) -> tuple[list[Source], list[Observed]]:
        """The sources, and what was observed at each."""
        left_out = len(self.budgets) - len(own)
        if self._earlier:
            first = _first(own[0])
            bases = [
                [self._source(i, 0, (), [_first(some)])] for i, some in enumerate(self._earlier)
            ]
            lowest = [
                self._source(place, 1, bases[place], [some, first], is_full=len(own) == 1)
                for place, some in enumerate(self._earlier)
            ]
            place = int(np.argmax([source.evidence for source in lowest]))
            groups = [self._earlier[place], *own]
            sources = self._chain(place, bases[place], groups)
        else:
            groups, sources = list(own), self._chain(left_out, (), own)
        if left_out:
            doubted = _doubted(structure)
            sources[self.lowest] = replace(sources[self.lowest], weights=doubted)
        return sources, groups

    def _chain(
        self, place: int, below: Sequence[Source], groups: Sequence[Observed]
    ) -> list[Source]:
        """The sources of all groups, given those of the first ones."""
        sources = list(below)
        first = [group if i < len(below) else _first(group) for i, group in enumerate(groups)]
        for level in range(len(below), len(groups)):
            is_full = level == len(groups) - 1
            sources.append(self._source(place, level, sources, first[: level + 1], is_full))
        return sources

    def _source(
        self,
        place: int,
        level: int,
        below: Sequence[Source],
        groups: Sequence[Observed],
        is_full: bool = False,
    ) -> Source:
        """The source of the last group, fitted where that was not done yet.

        Args:
            place: Place of the earlier search or budget at the bottom, or one below `_FULL_ALONE`.
            level: How far it is above that one.
            below: The sources of the groups before it.
            groups: What was observed, each at a source.
            is_full: Whether it is the full budget.
        """
        key = tuple((len(group), group.x.tobytes(), group.rewards.tobytes()) for group in groups)
        if (place, level) not in self._fitted or self._fitted[place, level][0] != key:
            self._fitted[place, level] = key, self._fit(below, groups, is_full)
        return self._fitted[place, level][1]

    def _fit(self, below: Sequence[Source], groups: Sequence[Observed], is_full: bool) -> Source:
        """The source of the last group, given those of the groups before it."""
        own = groups[-1]
        if not below:
            if not _unit(own):
                kernel = self._prior.kernel(self._prior.mean)
                return Source(kernel, noise=kernel.noise)
            kernel, evidence = self._fitted_alone(own, _FITTED_ON)
            return Source(kernel, noise=kernel.noise, evidence=evidence)
        variance = below[0].kernel.variance
        kernels = [below[0].kernel, self._prior.kernel(self._prior.mean).scaled(variance)]
        if len(own) >= _OWN_KERNEL and unit_of_standing(own.rewards):
            kernels.append(self._fitted_alone(own, _FITTED_ABOVE)[0].scaled(variance))
        above = len(below) - self.lowest
        usual = USUAL_SCALE * (below[1].scale if above and self.lowest else 1.0)
        usual = usual if above else _SCALE_ABOVE_EARLIER
        x, levels, y = self._joined(groups, [_FITTED_ON, *repeat(_FITTED_ABOVE, len(below))], True)
        noise = FULL_NOISE if is_full else USUAL_NOISE
        return fit_source(below, x, levels, y, kernels, usual, noise)

    def _joined(
        self, groups: Sequence[Observed], limits: Sequence[int], spread: bool = False
    ) -> tuple[NDArray[np.float64], Levels, Vector]:
        """Vectors, places and scores of so many of each group."""
        sample = spread_sample if spread else kept_of
        kept = [sample(g.rewards, limit) for g, limit in zip(groups, limits, strict=True)]
        levels = np.repeat(np.arange(len(groups)), [len(some) for some in kept])
        rows = [group.x[some] for group, some in zip(groups, kept, strict=True)]
        scored = [standing(g.rewards) if len(g) else g.rewards for g in groups[: self.lowest + 1]]
        scored += [_scores(group, groups[self.lowest]) for group in groups[self.lowest + 1 :]]
        scores = [some[places] for some, places in zip(scored, kept, strict=True)]
        return np.vstack(rows), levels, np.concatenate(scores)

    def _fitted_alone(self, group: Observed, limit: int) -> tuple[Kernel, float]:
        """The kernel of one group, and its evidence."""
        kept = spread_sample(group.rewards, limit)
        x, y = group.x[kept], standing(group.rewards)[kept]
        kernel = fit_kernel(self._prior, x, y)
        return kernel, GaussianProcess(kernel, x, y).evidence


def _log_odds_of_relation(source: Source) -> float:
    """Logarithm of the Bayes factor for a correlation with the source below against none.

    Dickey 1971, "The Weighted Likelihood Ratio, Linear Hypotheses on Normal Location Parameters",
    section 2: it is the probability of no correlation before the observations over that after them.
    """
    at_zero = CORRELATIONS == 0
    return float(np.log(prior_weights()[at_zero] / np.array(source.weights)[at_zero])[0])


def _doubted(structure: float) -> tuple[float, ...]:
    """Weights of the correlation with a budget that is noise but with this probability."""
    weights = structure * prior_weights()
    weights[CORRELATIONS == 0] += 1 - structure
    return tuple(weights.tolist())


def _kept(group: Observed, limit: int) -> Observed:
    return group[kept_of(group.rewards, limit)]


def _first(group: Observed) -> Observed:
    return group[: scheduled(len(group))] if len(group) >= FEWEST else group


def _unit(group: Observed) -> float:
    return unit_of_standing(group.rewards) if len(group) >= FEWEST else 0.0


def _is_silent(rewards: Vector) -> bool:
    return len(rewards) >= _SILENT and unit_of_standing(rewards) == 0.0


def _scores(group: Observed, lowest: Observed) -> Vector:
    """Rewards in the unit that the lowest budget has, relative to the best one.

    Near the best one distances count as they are, far below it their logarithms: a training that
    learned nothing would otherwise make all others look alike. A handful of trainings has no ranks
    to go by, as `standing` does.
    """
    if not len(group):
        return np.zeros(0)
    scale = UnitScale.of([*group.rewards, *lowest.rewards])
    rewards = scale(group.rewards)
    unit = float(scale(_unit(lowest) or unit_of_standing(group.rewards))) or 1.0
    unit = max(unit, _LEAST)  # so that no quotient overflows
    scores = -_LINEAR * np.log1p((rewards.max() - rewards) / unit / _LINEAR)
    rounded: Vector = np.round(scores - np.median(scores), _DIGITS)
    return rounded
