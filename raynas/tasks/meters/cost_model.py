"""A model of a cost, such as latency, from some fifty measurements, with an error of its own.

Latency is close to a sum over operations, so the first models are linear in features that add up,
fitted to relative errors, and one is a Gaussian process of what an operation costs. The last is a
Gaussian process of the logarithm, for what is not a sum. Ten-fold cross-validation chooses among
them, and its errors make the interval: split conformal prediction with the finite-sample correction
(Lei et al. 2018, "Distribution-Free Predictive Inference for Regression", JASA 113, section 2.2),
over cross-validated errors instead of those of a second half.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.errors import TaskError
from raynas.tasks.meters.operation_process import MOST_OPERATIONS, fit_operation_process

__all__ = ["LEAST_MEASUREMENTS", "CostModel", "PredictedCost", "fit_cost_model"]

Features = Mapping[str, Mapping[Any, float]]
"""Numbers in groups: ``operations`` and ``choices`` by name, and ``each operation`` by
`TorchOperation`."""
Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

_EACH = "each operation"
LEAST_MEASUREMENTS = 20
"""With fewer, no interval holds 95 of 100 cases."""
_FOLDS, _COVERED, _SEED = 10, 0.95, 0  # the usual number of folds, and the usual level
_NAME = {"operations": "its operations", "choices": "its choices", _EACH: "each operation"}


@dataclass(frozen=True)
class PredictedCost:
    """What a cost is expected to be, and the interval that it lies in, in 95 of 100 cases."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class CostModel:
    """Predicts a cost.

    Attributes:
        kind: Which model it is, in words.
        measurements: How many it was fitted to.
        errors: Cross-validated: measured over predicted, less 1, of each measurement.
        factor: The interval's upper end over the prediction, and the prediction over the lower end.
    """

    kind: str
    measurements: int
    errors: tuple[float, ...]
    factor: float
    _predict: Callable[[Sequence[Features]], Vector]

    def __call__(self, features: Sequence[Features]) -> list[PredictedCost]:
        """The predictions for architectures of these features."""
        values = self._predict(features)
        return [
            PredictedCost(float(v), float(v / self.factor), float(v * self.factor)) for v in values
        ]

    def share_within(self, tolerance: float) -> float:
        """Share of the cross-validated errors that are at most `tolerance`, as 0.1 for 10 %."""
        return float(np.mean(np.abs(self.errors) <= tolerance))


@dataclass(frozen=True)
class _Candidate:
    """A kind of model over some groups of features."""

    kind: str
    groups: tuple[str, ...]

    def fits(self, features: Sequence[Features]) -> bool:
        """Whether there is anything that it could be fitted to."""
        return any(one.get(group) for one in features for group in self.groups)

    def fitted(self, features: Sequence[Features], y: Vector) -> Callable[..., Vector]:
        """The model fitted to `y`, from features to predictions."""
        names = sorted({(g, name) for one in features for g in self.groups for name in one[g]})

        def rows(given: Sequence[Features]) -> Matrix:
            return np.array([[one[g].get(name, 0.0) for g, name in names] for one in given])

        fit = _linear if self.kind == "linear" else _process
        predict = fit(rows(features), y)
        return lambda given: predict(rows(given))


class _Additive(_Candidate):
    """A model of each operation."""

    def fits(self, features: Sequence[Features]) -> bool:
        """Whether there are operations, and not too many different ones."""
        return 0 < len({each for one in features for each in one.get(_EACH, ())}) <= MOST_OPERATIONS

    def fitted(self, features: Sequence[Features], y: Vector) -> Callable[..., Vector]:
        """The model fitted to `y`, from features to predictions."""
        predict = fit_operation_process([one[_EACH] for one in features], y)
        return lambda given: predict([one[_EACH] for one in given])


_BOTH = ("operations", "choices")
_CANDIDATES = (
    _Candidate("linear", ("operations",)),
    _Candidate("linear", ("choices",)),
    _Candidate("linear", _BOTH),
    _Additive("additive", (_EACH,)),
    _Candidate("process", _BOTH),
)


def fit_cost_model(features: Sequence[Features], values: Sequence[float]) -> CostModel:
    """The model of lowest cross-validated error.

    Args:
        features: Features of each architecture that was measured; groups may be empty.
        values: What was measured, above 0.

    Raises:
        TaskError: There are too few measurements, or one is not above 0.
    """
    if len(values) < LEAST_MEASUREMENTS:
        raise TaskError(
            f"{len(values)} measurements: a prediction with an interval takes at least "
            f"{LEAST_MEASUREMENTS}, and some fifty to be good"
        )
    y = np.array(values, dtype=float)
    if not (np.isfinite(y) & (y > 0)).all():
        raise TaskError("measurements: all must be above 0, as errors are relative")
    usable = [candidate for candidate in _CANDIDATES if candidate.fits(features)]
    tried = [(_validated(candidate, features, y), candidate) for candidate in usable]
    if not tried:
        raise TaskError("features: there are none; the architectures that were measured are alike")
    ratios, best = min(tried, key=lambda pair: float(np.mean(np.abs(np.log(pair[0])))))
    return CostModel(
        f"{best.kind} model of {' and '.join(_NAME[group] for group in best.groups)}",
        len(y),
        tuple(float(ratio - 1) for ratio in ratios),
        _factor(ratios),
        _above_floor(best, features, y),
    )


def _above_floor(
    candidate: _Candidate, features: Sequence[Features], y: Vector
) -> Callable[[Sequence[Features]], Vector]:
    """Predictions, none below half of the smallest measured cost, as sums may be negative."""
    predict, floor = candidate.fitted(features, y), 0.5 * y.min()
    return lambda given: np.maximum(predict(given), floor)


def _validated(candidate: _Candidate, features: Sequence[Features], y: Vector) -> Vector:
    """Measured over predicted of each measurement, by models that have not seen it."""
    order = np.random.default_rng(_SEED).permutation(len(y))
    predicted = np.empty(len(y))
    for fold in np.array_split(order, _FOLDS):
        others = np.setdiff1d(order, fold)
        model = _above_floor(candidate, [features[i] for i in others], y[others])
        predicted[fold] = model([features[i] for i in fold])
    ratios: Vector = y / predicted
    return ratios


def _factor(ratios: Vector) -> float:
    errors = np.sort(np.abs(np.log(ratios)))
    place = min(math.ceil((len(errors) + 1) * _COVERED), len(errors))
    return float(np.exp(errors[place - 1]))


def _linear(x: Matrix, y: Vector) -> Callable[[Matrix], Vector]:
    """Ridge regression on relative errors, its strength by leave-one-out."""
    from sklearn.linear_model import RidgeCV

    center, scale = _scaling(x)
    model = RidgeCV(np.logspace(-6, 3, 19)).fit(
        (x - center) / scale, y, sample_weight=y**-2 * y.mean() ** 2
    )
    return lambda rows: np.asarray(model.predict((rows - center) / scale), dtype=float)


def _process(x: Matrix, y: Vector) -> Callable[[Matrix], Vector]:
    """A Gaussian process of the logarithm, linear and smooth parts together."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

    x = np.log1p(np.abs(x))
    center, scale = _scaling(x)
    kernel: Any = (
        ConstantKernel(1.0) * RBF(5.0, (0.5, 1e3))
        + ConstantKernel(1.0) * DotProduct(1.0)
        + WhiteKernel(0.01, (1e-6, 1.0))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # at the bounds of the kernel
        model = GaussianProcessRegressor(kernel, normalize_y=True).fit(
            (x - center) / scale, np.log(y)
        )

    def predict(rows: Matrix) -> Vector:
        predicted: Vector = np.exp(model.predict((np.log1p(np.abs(rows)) - center) / scale))
        return predicted

    return predict


def _scaling(x: Matrix) -> tuple[Vector, Vector]:
    scale = x.std(axis=0)
    return x.mean(axis=0), np.where(scale > 0, scale, 1.0)
