"""Vectors of trials' architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.controllers.features import Features
from raynas.trials import Trial

__all__ = ["VectorCache"]

Matrix = NDArray[np.float64]


class VectorCache:
    """The vectors of trials, each made once.

    Args:
        features: Makes them.
    """

    def __init__(self, features: Features) -> None:
        self._features = features
        self._architectures: list[Any] = []
        self._vectors = np.zeros((0, features.width))

    def __call__(self, trials: Sequence[Trial]) -> Matrix:
        """The vectors of `trials`, one a row."""
        numbers = [trial.number for trial in trials]
        self._make_room(max(numbers, default=-1) + 1)
        known = self._architectures
        new = [trial for trial in trials if known[trial.number] is not trial.architecture]
        if new:
            self._vectors[[t.number for t in new]] = self._features([t.architecture for t in new])
            for trial in new:
                known[trial.number] = trial.architecture
        vectors: Matrix = self._vectors[numbers]
        return vectors

    def _make_room(self, size: int) -> None:
        more = size - len(self._architectures)
        if more > 0:
            more = max(more, len(self._architectures))
            self._architectures += [None] * more
            self._vectors = np.vstack([self._vectors, np.zeros((more, self._features.width))])
