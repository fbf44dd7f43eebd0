"""What an architecture promises, from a surrogate's prediction of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx
from scipy.stats import norm, rankdata

__all__ = ["log_expected_improvement", "standing"]

Vector = NDArray[np.float64]

_ASYMPTOTIC = -1.0
_FARTHEST = -1e6


def log_expected_improvement(mean: Vector, deviation: Vector, best: float) -> Vector:
    """The logarithm of the expected improvement over `best`.

    Ament et al. 2023, "Unexpected Improvements to Expected Improvement for Bayesian Optimization",
    equation 9: it orders also those candidates whose expected improvement is too small a number.

    Args:
        mean: Predicted means of the candidates.
        deviation: Their standard deviations, above 0.
        best: Value to improve on.
    """
    z = np.maximum((mean - best) / deviation, _FARTHEST)
    near, far = np.maximum(z, _ASYMPTOTIC), np.minimum(z, _ASYMPTOTIC)
    above = np.log(norm.pdf(near) + near * norm.cdf(near))
    ratio = np.minimum(np.sqrt(np.pi / 2) * erfcx(-far / np.sqrt(2)) * -far, 1 - 1e-16)
    below = -0.5 * far**2 - 0.5 * np.log(2 * np.pi) + np.log1p(-ratio)
    logs: Vector = np.log(deviation) + np.where(z > _ASYMPTOTIC, above, below)
    return logs


def standing(rewards: Vector) -> Vector:
    """`rewards` on a scale of mean 0 and variance 1 on which good ones keep their distances.

    Above the median, the distance from it counts; below, the rank alone, as a normal quantile.
    An architecture that cannot learn at all would otherwise make those that can look alike.
    """
    median = np.median(rewards)
    above = rewards >= median
    spread = np.sqrt(np.mean((rewards[above] - median) ** 2)) if len(rewards) else 0.0
    if spread <= 1e-12 * max(abs(median), 1e-300):
        return np.zeros(len(rewards))
    quantiles = norm.ppf((rankdata(rewards) - 0.5) / len(rewards))
    values = np.where(above, (rewards - median) / spread, np.minimum(quantiles, 0.0))
    scaled: Vector = (values - values.mean()) / values.std()
    return scaled
