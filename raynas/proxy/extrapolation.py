"""Scores of full training, predicted from short trainings: a cheaper reference.

Some reference models are trained in full; all are trained for a part of it. Over the former, the
final score is regressed on the early one, and the line predicts the others. The method is that of
double sampling (Cochran 1977, "Sampling Techniques", chapter 12); in architecture search Baker et
al. 2018, "Accelerating Neural Architecture Search using Performance Prediction", regress final
scores on partial curves. A line has the fewest parameters that can do it, and its prediction
intervals are exact for normal errors, however few models there are (Gelman et al. 2013, "Bayesian
Data Analysis", section 14.2, with the flat prior).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from raynas.errors import ConfigurationError
from raynas.wording import counted

__all__ = ["Extrapolation", "extrapolate"]

Floats = NDArray[np.float64]

_LEAST_KNOWN = 4  # a line and its noise need that many


@dataclass(frozen=True)
class Extrapolation:
    """Final scores, known or predicted.

    Attributes:
        scores: Shape ``(models,)``: the known score, else the median of its prediction.
        low: Lower ends of the prediction intervals; the score itself where it is known.
        high: Upper ends.
        known: Which are known.
        level: Confidence level of the intervals.
        off: Typical error of a predicted score: root mean square over the known ones, each
            predicted from the others.
    """

    scores: Floats
    low: Floats
    high: Floats
    known: NDArray[np.bool_]
    level: float
    off: float
    _line: _Line
    _early: Floats

    def draws(self, count: int, seed: int = 0) -> Floats:
        """Scores as they might be, shape ``(count, models)``: known ones as they are."""
        made = np.tile(self.scores, (count, 1))
        unknown = ~self.known
        if unknown.any():
            rng = np.random.default_rng(seed)
            made[:, unknown] = self._line.draws(self._early[unknown], count, rng)
        return made


def extrapolate(early: ArrayLike, final: ArrayLike, level: float = 0.95) -> Extrapolation:
    """Predict the final scores that are missing.

    Scores that all lie between 0 and 1, as accuracies do, are taken as log-odds, in which
    differences near the top count as much as they should.

    Args:
        early: Scores of the short trainings, shape ``(models,)``.
        final: Scores of the full trainings; NaN where there is none.
        level: Confidence level of the prediction intervals.

    Raises:
        ConfigurationError: Fewer than four models were trained in full, or their early scores are
            all the same.
    """
    x, y = np.asarray(early, dtype=float), np.asarray(final, dtype=float)
    known = np.isfinite(y)
    if not np.isfinite(x).all() or x.shape != y.shape:
        raise ConfigurationError("early: there must be a finite score for each model")
    if known.sum() < _LEAST_KNOWN:
        raise ConfigurationError(
            f"{counted(known.sum(), 'model is', 'models are')} trained in full; predicting the "
            f"others takes {_LEAST_KNOWN} at least"
        )
    if np.ptp(x[known]) == 0:
        raise ConfigurationError("early: all the same score, which predicts nothing")
    scale = _Scale.of(np.concatenate([x, y[known]]))
    line = _Line(scale, x[known], y[known])
    low, middle, high = (line.quantile(x, q) for q in ((1 - level) / 2, 0.5, (1 + level) / 2))
    return Extrapolation(
        scores=np.where(known, y, middle),
        low=np.where(known, y, low),
        high=np.where(known, y, high),
        known=known,
        level=level,
        off=_left_out_error(scale, x[known], y[known]),
        _line=line,
        _early=x,
    )


@dataclass(frozen=True)
class _Scale:
    """Log-odds where scores are shares, else the scores as they are."""

    margin: float | None

    @classmethod
    def of(cls, values: Floats) -> _Scale:
        if values.min() < 0 or values.max() > 1:
            return cls(None)
        gaps = np.minimum(values, 1 - values)
        inner = gaps[gaps > 0]
        return cls(float(inner.min()) / 2 if len(inner) else None)

    def there(self, values: Floats) -> Floats:
        if self.margin is None:
            return values
        return np.asarray(special.logit(np.clip(values, self.margin, 1 - self.margin)))

    def back(self, values: Floats) -> Floats:
        return values if self.margin is None else np.asarray(special.expit(values))


class _Line:
    """A regression line with its uncertainty."""

    def __init__(self, scale: _Scale, early: Floats, final: Floats) -> None:
        self.scale = scale
        x, y = _design(scale.there(early)), scale.there(final)
        self.coefficients, *_ = np.linalg.lstsq(x, y, rcond=None)
        self.freedom = len(y) - 2
        self.squares = float(((y - x @ self.coefficients) ** 2).sum())
        self.inverse = np.linalg.inv(x.T @ x)

    def quantile(self, early: Floats, share: float) -> Floats:
        x = _design(self.scale.there(early))
        reach = np.sqrt(
            self.squares / self.freedom * (1 + np.einsum("ij,jk,ik->i", x, self.inverse, x))
        )
        t = float(stats.t.ppf(share, self.freedom))
        return self.scale.back(x @ self.coefficients + t * reach)

    def draws(self, early: Floats, count: int, rng: np.random.Generator) -> Floats:
        x = _design(self.scale.there(early))
        deviation = np.sqrt(self.squares / rng.chisquare(self.freedom, size=(count, 1)))
        lines = rng.multivariate_normal(np.zeros(2), self.inverse, size=count, method="cholesky")
        errors = rng.standard_normal((count, len(x)))
        return self.scale.back(x @ self.coefficients + deviation * (lines @ x.T + errors))


def _design(values: Floats) -> Floats:
    return np.stack([np.ones_like(values), values], axis=1)


def _left_out_error(scale: _Scale, early: Floats, final: Floats) -> float:
    errors = []
    for left_out in range(len(early)):
        kept = np.arange(len(early)) != left_out
        if kept.sum() < 3 or np.ptp(early[kept]) == 0:
            return math.nan
        line = _Line(scale, early[kept], final[kept])
        errors.append(float(line.quantile(early[[left_out]], 0.5)[0]) - float(final[left_out]))
    return float(np.sqrt(np.mean(np.square(errors))))
