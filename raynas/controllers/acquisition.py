"""What an architecture promises, from a surrogate's prediction of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, ndtr, ndtri

from raynas.association import average_ranks
from raynas.power_scaling import UnitScale

__all__ = [
    "expected_excess",
    "log_expected_improvement",
    "standing",
    "unit_of_standing",
]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_DIGITS = 9  # differences below are rounding, which differs between machines
_ASYMPTOTIC = -1.0
"""Below, the direct formula loses digits to cancellation (Ament et al. 2023, section 4.1)."""
_FARTHEST = -1e6  # so far below the best, squares still fit doubles


def log_expected_improvement(mean: Vector, deviation: Vector, best: float) -> Vector:
    """The logarithm of the expected improvement over `best`.

    Ament et al. 2023, "Unexpected Improvements to Expected Improvement for Bayesian Optimization",
    equation 9: it orders also those candidates whose expected improvement is too small a number.

    Args:
        mean: Predicted means of the candidates.
        deviation: Standard deviations of the predictions, above 0.
        best: Value to improve on.
    """
    z = np.maximum((mean - best) / deviation, _FARTHEST)
    near, far = np.maximum(z, _ASYMPTOTIC), np.minimum(z, _ASYMPTOTIC)
    above = np.log(_density(near) + near * ndtr(near))
    ratio = np.minimum(np.sqrt(np.pi / 2) * erfcx(-far / np.sqrt(2)) * -far, 1 - 1e-16)
    below = -0.5 * far**2 - 0.5 * np.log(2 * np.pi) + np.log1p(-ratio)
    logs: Vector = np.log(deviation) + np.where(z > _ASYMPTOTIC, above, below)
    return logs


def _density(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Density of the standard normal distribution."""
    heights: NDArray[np.float64] = np.exp(-(z**2) / 2.0) / np.sqrt(2 * np.pi)
    return heights


def standing(rewards: Vector) -> Vector:
    """`rewards` on a scale of mean 0 and variance 1 on which good ones keep their distances.

    Above the median, the distance from it counts; below, the rank alone, as a normal quantile.
    An architecture that cannot learn at all would otherwise make those that can look alike.
    """
    values, spread = _placed(UnitScale.of(rewards)(rewards))
    if not spread:
        return np.zeros(len(rewards))
    # Rounded, so that rewards in another unit lead to the same search in spite of their last digit.
    scaled: Vector = np.round((values - values.mean()) / values.std(), _DIGITS)
    return scaled


def unit_of_standing(rewards: Vector) -> float:
    """What a difference of 1 on the scale of `standing` is in rewards, above their median."""
    scale = UnitScale.of(rewards)
    values, spread = _placed(scale(rewards))
    return scale.restored(float(spread * values.std()))


def _placed(rewards: Vector) -> tuple[Vector, float]:
    """Distances from the median in units of the spread above it, which is 0 where there is none.

    `rewards` must be at most 1 in size, so that their squares are finite.
    """
    median = np.median(rewards)
    above = rewards >= median
    spread = float(np.sqrt(np.mean((rewards[above] - median) ** 2))) if len(rewards) else 0.0
    if spread <= 1e-12 * abs(median):
        return np.zeros(len(rewards)), 0.0
    quantiles = ndtri((average_ranks(rewards) - 0.5) / len(rewards))
    return np.where(above, (rewards - median) / spread, np.minimum(quantiles, 0.0)), spread


def expected_excess(mean: Matrix, deviation: Matrix, limits: Vector) -> Matrix:
    """Expected amount by which each normal variable exceeds each limit."""
    z = (mean - limits) / deviation
    excess: Matrix = deviation * (_density(z) + z * ndtr(z))
    return np.maximum(excess, 0.0)
