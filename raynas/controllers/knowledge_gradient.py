"""The knowledge gradient: what a choice is expected to gain by one more observation.

Frazier, Powell and Dayanik 2009, "The Knowledge-Gradient Policy for Correlated Normal Beliefs",
section 2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from raynas.controllers.multi_source_process import MultiSourceProcess

__all__ = ["knowledge_gradient"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_OUTCOMES = 10  # quantiles of a training's outcome; chosen by hand: precision against time


def knowledge_gradient(
    process: MultiSourceProcess, level: int, compared: Matrix
) -> Callable[[Matrix], Vector]:
    """What the highest mean at the full budget is expected to gain by a training at a level.

    Args:
        process: The posterior.
        level: Place of the training's budget.
        compared: Vectors of the architectures that can be chosen, besides the one trained.
    """
    others = process.predict(compared, process.top)
    quantiles = ndtri((np.arange(_OUTCOMES) + 0.5) / _OUTCOMES)
    best = others.means.max()

    def promise(vectors: Matrix) -> Vector:
        trained, full = process.predictions(vectors, (level, process.top))
        changes = process.changes(trained, others)
        own = process.own_changes(trained, full)
        gains = np.zeros(len(vectors))
        for z in quantiles:
            chosen = (others.means + z * changes).max(1)
            gains += np.maximum(chosen, full.means + z * own)
        gain: Vector = gains / _OUTCOMES - np.maximum(best, full.means)
        return gain

    return promise
