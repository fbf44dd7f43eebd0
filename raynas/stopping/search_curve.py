"""How far a search has come: what gains and prices are measured by where nobody gave a unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from raynas.power_scaling import UnitScale

__all__ = ["LEAST_FOR_TREND", "START", "rise"]

LEAST_FOR_TREND = 50
"""Fewer completed trials do not tell whether a search still improves."""

START = 20
"""How many rewards tell where a search began."""


def rise(rewards: Sequence[float]) -> float:
    """Range from the median of the first 20 of `rewards`, at least one, to the best of all."""
    scale = UnitScale.of(rewards)
    scaled = scale(rewards)
    return scale.restored(float(scaled.max() - np.median(scaled[:START])))
