"""Probability of feasibility: whether metrics will be within their bounds.

A Gaussian process for each bound, on how far what was measured, or surveyed where that is free, is
from the limit, inside and outside: Gardner et al. 2014, "Bayesian Optimization with Inequality
Constraints", ICML, section 3, equations 4 and 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from raynas.controllers.features import Features
from raynas.controllers.gaussian_process import GaussianProcess, Kernel, Prior, fit_kernel
from raynas.controllers.subsampling import FEWEST, scheduled
from raynas.rewards import Bound
from raynas.trials import History, Measurement, Trial

__all__ = ["Feasibility"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Rows: TypeAlias = Callable[[Sequence[Trial]], Matrix]

_MOST = 300  # the size above which a process costs more than it tells


class Feasibility:
    """The chance that an architecture is within bounds, from a history.

    Args:
        features: Features of the space; only a `raynas.controllers.feasible.FeasibleSpace` has
            bounds.
        rows: Vectors of trials' architectures.
    """

    def __init__(self, features: Features, rows: Rows) -> None:
        self._features = features
        self._rows = rows
        self._fitted: dict[Bound, tuple[object, Kernel]] = {}

    @cached_property
    def _prior(self) -> Prior:
        """Prior of the kernels' hyperparameters; not made with the object, as it takes a sample."""
        return self._features.prior()

    def __call__(self, history: History) -> Callable[[Matrix], Vector] | None:
        """Logarithm of the chance, by vectors; None without bounds, or while none was outside."""
        bounds: Sequence[Bound] = getattr(self._features.space, "bounds", ())
        known = [
            self._process(bound, *found)
            for bound in bounds
            if len((found := self._observed(bound, history))[1]) >= FEWEST and (found[1] > 0).any()
        ]
        if not known:
            return None

        def log_chance(vectors: Matrix) -> Vector:
            logs = np.zeros(len(vectors))
            for process, limit in known:
                mean, deviation = process.predict(vectors)
                logs += log_ndtr((limit - mean) / deviation)
            return logs

        return log_chance

    def _observed(self, bound: Bound, history: History) -> tuple[Matrix, Vector]:
        """Vectors, and how far outside each was: of the space's survey, then of the trials."""
        trials, found = _measured(bound, history)
        x, margins = self._rows(trials), np.array([_warped(bound, value) for value in found])
        surveyed = getattr(self._features.space, "surveyed", {}).get(bound, ())
        if not surveyed:
            return x, margins
        known = self._features([architecture for architecture, _ in surveyed])
        first = np.array([_warped(bound, value) for _, value in surveyed])
        return np.vstack([known, x]), np.concatenate([first, margins])

    def _process(self, bound: Bound, x: Matrix, margins: Vector) -> tuple[GaussianProcess, float]:
        """The posterior of standardized margins, and where on that scale the limit is."""
        first = margins[: scheduled(min(len(margins), _MOST))]
        center, spread = float(first.mean()), float(first.std()) or 1.0
        scaled = np.round((margins - center) / spread, 9)
        kernel = self._kernel(bound, x[: len(first)], scaled[: len(first)])
        kept = np.sort(np.argsort(np.abs(margins), kind="stable")[:_MOST])
        return GaussianProcess(kernel, x[kept], scaled[kept]), -center / spread

    def _kernel(self, bound: Bound, x: Matrix, y: Vector) -> Kernel:
        """Fitted to the first observations, anew after every tenth more of them."""
        key = x.tobytes(), y.tobytes()
        if bound not in self._fitted or self._fitted[bound][0] != key:
            self._fitted[bound] = key, fit_kernel(self._prior, x, y)
        return self._fitted[bound][1]


def _measured(bound: Bound, history: History) -> tuple[list[Trial], list[float]]:
    """The trials that measured a bound's metric, in the order of their ends, and its values."""
    trials, found = [], []
    ended = (*history.completed, *history.outside)
    for trial in sorted(ended, key=lambda one: (one.ended or 0.0, one.number)):
        measured = getattr(trial.outcome, "measurement", None)
        value = measured.metrics.get(bound.metric) if isinstance(measured, Measurement) else None
        if value is not None and math.isfinite(value):
            trials.append(trial)
            found.append(value)
    return trials, found


def _warped(bound: Bound, value: float) -> float:
    """How far a value is outside a bound, on a scale that is logarithmic far from the limit."""
    excess = bound.excess(value)
    return math.copysign(math.log1p(abs(excess)), excess)
