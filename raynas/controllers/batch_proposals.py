"""Greedy batches: many proposals from one posterior, as if they had been made one by one.

Ginsbourger, Le Riche and Carraro 2010, "Kriging Is Well-Suited to Parallelize Optimization",
section 4.2.1 (the Kriging believer): a proposal counts as observed at its own mean, which leaves
all means as they are and takes its share off the variances. Over a fixed set of candidates that is
a rank-one update of their posterior covariance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raynas.controllers.acquisition import log_expected_improvement
from raynas.controllers.gaussian_process import GaussianProcess

__all__ = ["believed_batch"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def believed_batch(
    process: GaussianProcess,
    vectors: Matrix,
    beyond: Sequence[float],
    chances: Vector,
) -> list[int]:
    """The rows of `vectors` of highest expected improvement, each once, the first one first.

    Args:
        process: The Gaussian process over the known and the pending trials.
        vectors: The encoded candidates, one a row.
        beyond: Value that each proposal is to improve on.
        chances: Logarithm of each candidate's chance of a reward.
    """
    posterior = process.posterior(vectors)
    variances = posterior.variances.copy()
    taken = np.zeros(len(vectors), dtype=bool)
    updates: list[Vector] = []
    chosen: list[int] = []
    for value in beyond[: len(vectors)]:
        deviations = process.deviations(variances)
        worth = log_expected_improvement(posterior.means, deviations, value) + chances
        best = int(np.argmax(np.where(taken, -np.inf, worth)))
        chosen.append(best)
        taken[best] = True
        shared = posterior.covariances(best)
        for update in updates:
            shared -= update[best] * update
        update = shared / np.sqrt(max(variances[best], 0.0) + process.noise)
        updates.append(update)
        variances -= update**2
    return chosen
