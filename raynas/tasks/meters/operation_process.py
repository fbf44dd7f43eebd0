"""What each operation of a network costs, learned from the costs of whole networks.

The cost of an operation is a Gaussian process of its kind and sizes, and that of a network the sum
over its operations, so that a measurement of a network is one of a sum of values of the process
(Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", section 2.7: linear in
what is modeled, a Gaussian stays one). Operations of one kind and nearly the same sizes cost nearly
the same, but twice as large a convolution needs not cost twice as much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from raynas.tasks.meters.torch_operations import TorchOperation

__all__ = ["MOST_OPERATIONS", "fit_operation_process"]

Counts = Mapping[TorchOperation, float]
Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

MOST_OPERATIONS = 600
"""Different ones: a fit goes with their square, and takes two seconds with as many."""
_STARTS = ((-5.0, -5.0, -4.0, 0.5, -7.0), (-6.0, -6.0, -6.0, 1.5, -5.0))
"""Chosen by hand: small variances, as a network has many operations, and noise of 3 and 8 %."""
_BOUNDS = ((-14.0, 3.0), (-14.0, 3.0), (-14.0, 3.0), (-1.5, 3.0), (-12.0, -1.0))
"""Logarithms of: the variance of what any call costs, of what one of its kind costs, of what it
costs by its size, the length scale in logarithms of sizes, and the variance of the relative noise,
from 0.25 % to 60 %. Costs are in means of the measured networks, and the bounds wide."""
_JITTER = 1e-8  # of the variance of costs: the usual size, which keeps matrices regular


def fit_operation_process(
    networks: Sequence[Counts], costs: Vector
) -> Callable[[Sequence[Counts]], Vector]:
    """Expected costs of networks.

    Args:
        networks: How often each network runs each operation.
        costs: What was measured of each, above 0; the noise is relative to it.
    """
    from scipy.optimize import minimize

    known, unit = sorted({each for one in networks for each in one}, key=repr), float(costs.mean())
    times, y = _times(networks, known), costs / unit
    between = _Between(known, known)

    def covariance(parameters: Vector) -> Matrix:
        true = times @ between(parameters) @ times.T
        return true + np.diag(np.exp(parameters[4]) * y**2 + _JITTER * true.trace() / len(y))

    def loss(parameters: Vector) -> float:
        lower = np.linalg.cholesky(covariance(parameters))
        residual = np.linalg.solve(lower, y)
        return float(0.5 * residual @ residual + np.log(np.diag(lower)).sum())

    tried = [minimize(loss, start, method="L-BFGS-B", bounds=_BOUNDS) for start in _STARTS]
    best = min(tried, key=lambda one: float(one.fun)).x
    weights = times.T @ np.linalg.solve(covariance(best), y)

    def predict(given: Sequence[Counts]) -> Vector:
        asked = sorted({each for one in given for each in one}, key=repr)
        prices = _Between(asked, known)(best) @ weights
        predicted: Vector = unit * (_times(given, asked) @ prices)
        return predicted

    return predict


class _Between:
    """The covariance of what operations cost, by the parameters of `_BOUNDS`."""

    def __init__(self, rows: Sequence[TorchOperation], columns: Sequence[TorchOperation]) -> None:
        names = [np.array([each.name for each in side]) for side in (rows, columns)]
        sizes = [np.array([each.sizes for each in side]) for side in (rows, columns)]
        work = [np.array([float(_work(each)) for each in side]) for side in (rows, columns)]
        self._same = (names[0][:, None] == names[1][None]).astype(float)
        self._distances = ((sizes[0][:, None] - sizes[1][None]) ** 2).sum(axis=2)
        self._work = np.sqrt(np.outer(*work)) / _TYPICAL_WORK

    def __call__(self, parameters: Vector) -> Matrix:
        call, kind, size, length, _ = np.exp(parameters)
        near = np.exp(-0.5 * self._distances / length**2)
        covariance: Matrix = call + self._same * (kind + size * self._work * near)
        return covariance


_TYPICAL_WORK = 1e4  # of a small layer, so that variances are near 1


def _work(operation: TorchOperation) -> int:
    return max(operation.products, operation.elements, 1)


def _times(networks: Sequence[Counts], operations: Sequence[TorchOperation]) -> Matrix:
    return np.array([[float(one.get(each, 0)) for each in operations] for one in networks])
