"""Greedy batches: many proposals from one posterior, as if they had been made one by one.

Ginsbourger, Le Riche and Carraro 2010, "Kriging Is Well-Suited to Parallelize Optimization",
section 4.2.1 (the Kriging believer): a proposal counts as observed at its own mean, which leaves
all means as they are and takes its share off the variances. Over a fixed set of candidates that is
a rank-one update of their posterior covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from raynas.controllers.acquisition import log_expected_improvement
from raynas.controllers.gaussian_process import GaussianProcess, Placed, Posterior

__all__ = ["Explored", "believed_batch"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]


class Explored:
    """The joint posterior at points that are looked at one part after the other.

    Args:
        process: The Gaussian process.
    """

    def __init__(self, process: GaussianProcess) -> None:
        self.process = process
        self._parts: list[Posterior] = []

    def log_improvement(self, vectors: Matrix, best: float) -> Vector:
        """The logarithm of the expected improvement at further points, one a row of `vectors`."""
        part = self.process.posterior(vectors)
        self._parts.append(part)
        return log_expected_improvement(part.means, self.process.deviations(part.variances), best)

    def posterior(self, rows: Rows) -> Posterior:
        """The joint posterior at some of the points, numbered in the order of looking."""
        parts = self._parts
        return Posterior(
            self.process.kernel,
            [
                Placed(
                    np.vstack([place.rows for place in places])[rows],
                    np.concatenate([place.sizes for place in places])[rows],
                )
                for places in zip(*(part.placed for part in parts), strict=True)
            ],
            np.concatenate([part.means for part in parts])[rows],
            np.concatenate([part.variances for part in parts])[rows],
            np.vstack([part.reduced.T for part in parts])[rows].T,
        )


def believed_batch(
    process: GaussianProcess, posterior: Posterior, beyond: Sequence[float], chances: Vector
) -> list[int]:
    """The candidates of highest expected improvement, each once, the first one first.

    Args:
        process: The Gaussian process over the known and the pending trials.
        posterior: Joint posterior of the function at the candidates.
        beyond: Value that each proposal is to improve on.
        chances: Logarithm of each candidate's chance of a reward.
    """
    variances = posterior.variances.copy()
    taken = np.zeros(len(variances), dtype=bool)
    updates = np.zeros((min(len(beyond), len(variances)), len(variances)))
    chosen: list[int] = []
    for number, value in enumerate(beyond[: len(variances)]):
        deviations = process.deviations(variances)
        worth = log_expected_improvement(posterior.means, deviations, value) + chances
        best = int(np.argmax(np.where(taken, -np.inf, worth)))
        chosen.append(best)
        taken[best] = True
        known = updates[:number]
        shared = posterior.covariances(best) - known[:, best] @ known
        updates[number] = shared / np.sqrt(max(variances[best], 0.0) + process.noise)
        variances -= updates[number] ** 2
    return chosen
