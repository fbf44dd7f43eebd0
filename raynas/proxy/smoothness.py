"""How smooth a learning curve is, however often it was evaluated.

A curve is its trend and the noise of each evaluation, ``y(t) = f(t) + e``. What an evaluation
departs from the cubic through its two neighbors on either side is ``e_i - sum(w_j e_j)``, as the
cubic takes the trend away, and has the variance ``(1 + sum(w_j^2)) var(e)``. Divided by that
factor, its square estimates var(e) whatever the number of evaluations and their distances.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raynas.errors import ConfigurationError
from raynas.wording import counted

__all__ = ["Smoothness", "smoothness_of"]

Floats = NDArray[np.float64]

_SCALE = 20  # parts of the curve: what is faster than a twentieth of it counts as noise
_LEAST = 6  # points: fewer show no trend


@dataclass(frozen=True)
class Smoothness:
    """The noise of a learning curve.

    Attributes:
        noise: Standard deviation of an evaluation around the trend, in the metric's unit.
        smoothness: Share of the curve's variance over time which is trend: 1 for a curve without
            noise, 0 for nothing but noise.
        evaluations: How many there were.
    """

    noise: float
    smoothness: float
    evaluations: int


def smoothness_of(steps: Sequence[float], scores: Sequence[float]) -> Smoothness:
    """The noise and the smoothness of a learning curve.

    By the pseudo-residuals of Gasser, Sroka and Jennen-Steinmetz 1986, "Residual variance and
    residual pattern in nonlinear regression", Biometrika 73, section 2, with cubics for straight
    lines. A curve of more than 20 evaluations is cut into interleaved ones about a twentieth of
    the training apart, whose results are averaged: so noise that lasts longer than the time from
    one evaluation to the next counts alike, too.

    Args:
        steps: Optimizer steps of the evaluations, rising.
        scores: What they gave.

    Raises:
        ConfigurationError: There are fewer than six finite evaluations, or steps do not rise.
    """
    t, y = np.asarray(steps, dtype=float), np.asarray(scores, dtype=float)
    if t.shape != y.shape:
        raise ConfigurationError(
            f"scores: {len(y)} of them for {counted(len(t), 'step')}; give one for each"
        )
    finite = np.isfinite(y)
    t, y = t[finite], y[finite]
    if len(t) < _LEAST:
        raise ConfigurationError(
            f"scores: {counted(len(t), 'finite evaluation')}; smoothness takes {_LEAST} at least: "
            "raise evaluations="
        )
    if not (np.diff(t) > 0).all():
        raise ConfigurationError("steps: must rise from one evaluation to the next")
    stride = max(1, round(len(t) / _SCALE))
    squares = [_squared_residuals(t[i::stride], y[i::stride]) for i in range(stride)]
    noise = float(np.mean(np.concatenate(squares)))
    late = t > t[-1] / _SCALE if (t > t[-1] / _SCALE).sum() >= _LEAST else np.ones(len(t), bool)
    whole = _variance_over_time(t[late], y[late])
    share = 1.0 if np.ptp(y) == 0 or whole == 0 else 1 - min(1.0, noise / whole)
    return Smoothness(math.sqrt(noise), share, len(t))


def _squared_residuals(t: Floats, y: Floats) -> Floats:
    """Estimates of the noise's variance at each inner evaluation, with one degree each."""
    squares = []
    for i in range(2, len(t) - 2):
        near = np.array([i - 2, i - 1, i + 1, i + 2])
        weights = np.array(
            [math.prod((t[i] - t[k]) / (t[j] - t[k]) for k in near if k != j) for j in near]
        )
        squares.append((y[i] - weights @ y[near]) ** 2 / (1 + weights @ weights))
    return np.array(squares)


def _variance_over_time(t: Floats, y: Floats) -> float:
    """Variance where each evaluation stands for the time around it."""
    edges = np.concatenate([[t[0]], (t[1:] + t[:-1]) / 2, [t[-1]]])
    weights = np.diff(edges) / (t[-1] - t[0])
    return float(weights @ (y - weights @ y) ** 2)
