"""Scores that cost no training, as features of a surrogate.

Scores of some architectures are known before the search. Of any other one they are predicted by a
Gaussian process, so that every candidate has them at no cost. A surrogate that gets them as
features learns from the rewards how much each of them says, and in which direction; White et al.
2021, "How Powerful are Performance Predictors in Neural Architecture Search?", section 5, found
model-based predictors with such features better than either alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from raynas.association import average_ranks
from raynas.controllers.gaussian_process import GaussianProcess, Prior, fit_kernel

__all__ = ["Hints", "Scores"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Scores = Mapping[str, float]
"""Scores of an architecture by name, larger promising more."""

_FEWEST, _FITTED_ON, _SEEN = 20, 200, 500
"""Half to fit and half to judge by, and costs as in the surrogate model."""
_LEAST_EXPLAINED = 0.3  # of the variance; chosen by hand: a score that explains less does not help


class Hints:
    """Predicts scores from vectors of architectures, as normal quantiles of their ranks.

    Args:
        x: Vectors of the architectures whose scores are known.
        scores: Zero-cost scores of the architectures. A score is left out if fewer than 20 have it,
            if it is always the same, or if the vectors explain less than 0.3 of its variance.
        prior: Prior of the kernels' hyperparameters.

    Attributes:
        names: Names of the scores that are predicted.
    """

    def __init__(self, x: Matrix, scores: Sequence[Scores], prior: Prior) -> None:
        found: dict[str, GaussianProcess] = {}
        for name in sorted({name for some in scores for name in some}):
            values = np.array([some.get(name, np.nan) for some in scores])
            known = np.flatnonzero(np.isfinite(values))[:_SEEN]
            if len(known) >= _FEWEST and np.ptp(values[known]):
                process = _fitted(x[known], values[known], prior)
                if process is not None:
                    found[name] = process
        self.names = tuple(found)
        self._processes = tuple(found.values())

    def __call__(self, x: Matrix) -> Matrix:
        """Predicted scores, shape ``(len(x), len(names))``."""
        if not self._processes:
            return np.zeros((len(x), 0))
        return np.column_stack([process.mean(x) for process in self._processes])


def _fitted(x: Matrix, values: Vector, prior: Prior) -> GaussianProcess | None:
    """The posterior of a score; None if half of the architectures say too little of the others."""
    y = ndtri((average_ranks(values) - 0.5) / len(values))
    y = (y - y.mean()) / y.std()
    kernel = fit_kernel(prior, x[:_FITTED_ON], y[:_FITTED_ON])
    half = len(y) // 2
    missed = y[half:] - GaussianProcess(kernel, x[:half], y[:half]).mean(x[half:])
    if missed.var() > (1 - _LEAST_EXPLAINED) * y[half:].var():
        return None
    return GaussianProcess(kernel, x, y)
