"""The chance that a trial ends with a reward."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from raynas.controllers.acquisition_optimizer import Promise
from raynas.controllers.covariances import Covariances
from raynas.controllers.feasibility import Feasibility
from raynas.controllers.features import Features
from raynas.controllers.gaussian_process import GaussianProcess, Prior, fit_kernel
from raynas.controllers.subsampling import FEWEST, scheduled, spread_sample
from raynas.controllers.vector_cache import VectorCache
from raynas.trials import History, Trial

__all__ = ["ChanceOfReward", "weighed"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_FITTED_ON, _SEEN = 300, 500  # a cubic cost, as in `raynas.controllers.surrogate_model`
_EVEN = 0.5  # between 0 for no reward and 1 for one


class ChanceOfReward:
    """Model of the chance that an architecture has a reward.

    Of bounds on measured metrics see `Feasibility`. Of all else it is a Gaussian process on 1 for a
    reward and 0 for none, about their share. Its kernel is fitted to these: the decisions by which
    trainings fail are seldom those by which they are good.

    Args:
        features: Features of the space.
        rows: Vectors of trials' architectures.
    """

    def __init__(self, features: Features, rows: VectorCache) -> None:
        self._features = features
        self._rows = rows
        self._within = Feasibility(features, rows)
        self._fitted: tuple[object, Covariances] | None = None

    @cached_property
    def _prior(self) -> Prior:
        """Prior of the kernel's hyperparameters; not made with the object, as it takes a sample."""
        return self._features.prior()

    def __call__(
        self, history: History, rewarded: Sequence[Trial], bad: Sequence[Trial]
    ) -> Promise | None:
        """Logarithm of the chance, by vectors; None while nothing went wrong.

        Args:
            history: All trials.
            rewarded: Trials that count as having a reward.
            bad: Trials that count as having none. Of bounds with a model of their own no trial
                does.
        """
        within = self._within(history)
        if within is not None:
            outside = {trial.number for trial in history.outside}
            bad = [trial for trial in bad if trial.number not in outside]
        if not bad:
            return within
        trials = [*rewarded, *bad]
        good = np.repeat([1.0, 0.0], [len(rewarded), len(bad)])
        share = _share(good)
        covariances = self._covariances(trials, good)
        kept = spread_sample(-good, _SEEN)
        x = self._rows([trials[i] for i in kept])
        kernel = covariances.kernel.scaled(share * (1 - share))
        known = covariances([trials[i].number for i in kept], x)
        known *= kernel.variance / covariances.kernel.variance
        process = GaussianProcess(kernel, x, good[kept] - share, covariance=known)

        def log_chance(vectors: Matrix) -> Vector:
            mean, deviation = process.predict(vectors)
            alone: Vector = log_ndtr((share + mean - _EVEN) / deviation)
            return alone if within is None else within(vectors) + alone

        return log_chance

    def _covariances(self, trials: Sequence[Trial], good: Vector) -> Covariances:
        """Kernel fitted to the trials that ended first, as many as the schedule has it."""
        by_end = sorted(
            range(len(trials)), key=lambda i: (trials[i].ended or 0.0, trials[i].number)
        )
        first = by_end[: scheduled(len(trials))] if len(trials) >= FEWEST else by_end
        key = [(trials[i].number, good[i]) for i in first]
        if self._fitted is None or self._fitted[0] != key:
            some = np.array([first[i] for i in spread_sample(-good[first], _FITTED_ON)])
            share = _share(good[some])
            y = (good[some] - share) / np.sqrt(share * (1 - share))
            kernel = fit_kernel(self._prior, self._rows([trials[i] for i in some]), y)
            self._fitted = key, Covariances(kernel)
        return self._fitted[1]


def weighed(promise: Promise, log_chance: Promise | None) -> Promise:
    """The logarithm `promise`, weighed with the chance of a reward, if there is a model of it."""
    if log_chance is None:
        return promise
    return lambda vectors: promise(vectors) + log_chance(vectors)


def _share(good: Vector) -> float:
    """The share of rewards that is expected of further trials, above 0 and below 1."""
    return float((good.sum() + 1.0) / (len(good) + 2.0))
