"""Which of many observations a model goes by, and which its hyperparameters are fitted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEWEST", "kept_of", "scheduled", "spread_sample"]

Vector = NDArray[np.float64]

FEWEST = 4
"""Completed trials that a model needs."""

_LATEST = 10
"""Of those that a model sees, one in so many is among the latest."""
_GOLDEN = (5**0.5 - 1) / 2
"""The golden ratio: multiples spread evenly (Knuth, The Art of Computer Programming 3, section
6.4).
"""


def spread_sample(values: Sequence[float] | Vector, limit: int) -> NDArray[np.int64]:
    """Which of many observations to fit on: the best half of `limit`, and others evenly spread."""
    if len(values) <= limit:
        return np.arange(len(values))
    order = np.argsort(-np.array(values), kind="stable")
    best, rest = order[: limit // 2], np.sort(order[limit // 2 :])
    spread = rest[np.linspace(0, len(rest) - 1, limit - limit // 2).astype(int)]
    return np.sort(np.concatenate([best, spread]))


def kept_of(values: Vector, limit: int) -> NDArray[np.int64]:
    """Which of many observations to go by: the best half of `limit`, the latest, and some others.

    Those are spread evenly by multiples of the golden ratio, whose smallest fractions change by
    few as observations are added, so that most of what was computed of them can be used again.
    """
    count = len(values)
    if count <= limit:
        return np.arange(count)
    kept = np.zeros(count, dtype=bool)
    kept[_largest(np.asarray(values, dtype=np.float64), limit // 2)] = True
    kept[-(limit // _LATEST) :] = True
    others = np.flatnonzero(~kept)
    fractions = (others * _GOLDEN % 1.0).astype(np.float64)
    kept[others[_largest(-fractions, limit - int(kept.sum()))]] = True
    return np.flatnonzero(kept)


def _largest(values: Vector, count: int) -> NDArray[np.int64]:
    """Positions of the `count` largest values, in no order; of equal ones the first."""
    least = np.partition(values, len(values) - count)[len(values) - count]
    above = np.flatnonzero(values > least)
    return np.concatenate([above, np.flatnonzero(values == least)[: count - len(above)]])


def scheduled(count: int) -> int:
    """The largest number of a series that grows by a tenth, at least by one, up to `count`."""
    number = FEWEST
    while (following := max(number + 1, number * 11 // 10)) <= count:
        number = following
    return number
