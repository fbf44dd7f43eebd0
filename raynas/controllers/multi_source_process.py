"""One Gaussian process over several sources of a function, from the cheapest to the true one.

Kennedy and O'Hagan 2000, "Predicting the Output from a Complex Computer Code When Fast
Approximations Are Available", section 2.2: each source is the one below it times a correlation,
plus a deviation of its own. Le Gratiet and Garnier 2014, "Recursive Co-kriging Model for Design of
Computer Experiments with Multiple Levels of Fidelity", section 3: the hyperparameters of a source
are found given those of the sources below, from the likelihood of its own observations given
theirs.

Correlation, scale and noise of a source have priors and are averaged over a grid, not maximized, so
that a handful of observations moves them as far as it should and no further.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular

from raynas.controllers.gaussian_process import Kernel

__all__ = [
    "CORRELATIONS",
    "FULL_NOISE",
    "USUAL_NOISE",
    "USUAL_SCALE",
    "MultiSourceProcess",
    "Source",
    "SourcePosterior",
    "fit_source",
    "prior_weights",
    "variance",
]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Levels = NDArray[np.int64]

_JITTER = 1e-6  # far above rounding, and far below any noise that matters
_OFFSET = 9.0
"""Prior variance of what a source has more or less than the cheapest one everywhere."""
CORRELATIONS = np.array(
    [-0.95, -0.8, -0.5, -0.2, 0, 0.2, 0.4, 0.55, 0.7, 0.8, 0.87, 0.93, 0.97, 0.99]
)
_SCALES = np.array([0.13, 0.23, 0.42, 0.7, 1.17, 2.0, 3.3, 5.8])
"""Of the usual scale."""
_NOISES = np.log([0.003, 0.01, 0.03, 0.1, 0.3, 1.0])
_TRUST, _DOUBT, _UNRELATED, _REVERSED = 6, 0.1, 0.02, 0.005
"""Of the prior of the correlation: short trainings mostly tell much, sometimes nothing, and hardly
ever the opposite; benchmarks/cost.py, nb201 and its misleading variants.
"""
USUAL_SCALE, _SCALE_SPREAD = 0.6, 0.8  # by hand: longer trainings differ by less than short ones
USUAL_NOISE, FULL_NOISE, _NOISE_SPREAD = 0.03, 0.1, 1.0
"""A handful of trainings does not tell their noise, and the best of a few full ones is lucky where
it is thought to be small. Benchmarks/cost.py, in points below the best, with these and with 0.1 for
both: mnist 0.38 and 0.42 at cost 6, 0.22 and 0.27 at 12 (60 seeds), digits 0.38 and 0.48 at cost 6,
0.62 and 0.64 at 12 (30 seeds). With 0.03 for full trainings nb201 is at 0.03 at cost 12 instead of
0.01.
"""


@dataclass(frozen=True)
class Source:
    """A source of the function, as an autoregression on the source below it.

    Attributes:
        kernel: Covariance of its deviation from the source below; of the cheapest source, of the
            function itself.
        correlation: Correlation with the source below; 1 for the cheapest one.
        scale: What a unit of the process is in observed values.
        noise: Variance of an observation, in units of the process.
        weights: Posterior probability of each of `CORRELATIONS`; empty for the cheapest source.
        evidence: Logarithm of the marginal likelihood of its observations given those below it.
    """

    kernel: Kernel
    correlation: float = 1.0
    scale: float = 1.0
    noise: float = 0.0
    weights: tuple[float, ...] = ()
    evidence: float = 0.0


@dataclass(frozen=True)
class SourcePosterior:
    """The function at some points and one source, after observations.

    Attributes:
        x: The points, one a row.
        level: Place of the source.
        means: Means there, without noise.
        variances: Variances there, without noise.
        reduced: Covariances with the observations, multiplied by the inverse of the lower Cholesky
            factor of theirs, shape ``(observations, points)``.
    """

    x: Matrix
    level: int
    means: Vector
    variances: Vector
    reduced: Matrix


class MultiSourceProcess:
    """The posterior of the function at all sources after observations at any of them.

    Args:
        sources: Sources from the cheapest to the true one.
        x: Vectors, one a row.
        levels: Place of the source at which each was observed.
        y: Observed values.
        pending: Vectors of observations that are not in yet.
        pending_levels: Sources of the pending observations, which count as if their expected
            values had been observed: means stay as they are, variances fall.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        x: Matrix,
        levels: Levels,
        y: Vector,
        pending: Matrix | None = None,
        pending_levels: Levels | None = None,
    ) -> None:
        self.sources = tuple(sources)
        self._known, self._known_levels = x, levels
        self._known_lower = factor = self._factor(x, levels)
        scales = np.array([source.scale for source in sources])
        self._alpha = cho_solve((factor, True), y / scales[levels], check_finite=False)
        if pending is not None and pending_levels is not None and len(pending):
            x, levels = np.vstack([x, pending]), np.concatenate([levels, pending_levels])
            factor = self._factor(x, levels)
        self._x, self._levels, self._lower = x, levels, factor

    @property
    def top(self) -> int:
        """Place of the true source."""
        return len(self.sources) - 1

    def predict(self, x: Matrix, level: int) -> SourcePosterior:
        """The function at the rows of `x`, as the source at `level` has it."""
        return self.predictions(x, (level,))[0]

    def predictions(self, x: Matrix, levels: Sequence[int]) -> list[SourcePosterior]:
        """`predict` at several sources, for little more than at one."""
        first = self.sources[0].kernel(self._x, x)
        return [self._predicted(x, level, first) for level in levels]

    def _predicted(self, x: Matrix, level: int, first: Matrix) -> SourcePosterior:
        here = np.full(len(x), level)
        across = covariance(self.sources, self._x, self._levels, x, here, first)
        reduced = solve_triangular(self._lower, across, lower=True, check_finite=False)
        variances = variance(self.sources, level, level) - (reduced * reduced).sum(0)
        means = across[: len(self._known)].T @ self._alpha
        return SourcePosterior(x, level, means, np.maximum(variances, _JITTER), reduced)

    def surprise(self, x: Vector, level: int) -> float:
        """How far the observation there is above what all others let expect.

        Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", equations 5.10 to
        5.12.

        Args:
            x: The vector that was observed.
            level: Place of the source.

        Returns:
            Standard deviations, with noise; of several observations those of the last one, and 0
            where there is none.
        """
        here = np.flatnonzero((self._known_levels == level) & (self._known == x).all(1))
        if not len(here):
            return 0.0
        one = np.zeros(len(self._known))
        one[here[-1]] = 1.0
        reduced = solve_triangular(self._known_lower, one, lower=True, check_finite=False)
        return float(self._alpha[here[-1]] / np.sqrt(reduced @ reduced))

    def changes(self, observed: SourcePosterior, wanted: SourcePosterior) -> Vector:
        """How far the mean at each point of `wanted` moves by an observation there at `observed`.

        Args:
            observed: Predictions at some points, for the source that is observed, with its noise.
            wanted: Predictions at the same points, for another source.

        Returns:
            Standard deviations with the sign of the covariance.
        """
        before = variance(self.sources, observed.level, wanted.level)
        reduced, own = observed.reduced, variance(self.sources, observed.level, observed.level)
        if observed.level:
            alike = (self._levels == observed.level).astype(float)
            offset = _OFFSET * solve_triangular(self._lower, alike, lower=True, check_finite=False)
            reduced, own = reduced + offset[:, None], own + _OFFSET
        left = np.maximum(own - (reduced * reduced).sum(0), 0.0)
        spread = np.sqrt(left + self.sources[observed.level].noise + _JITTER)
        changes: Vector = (before - (reduced * wanted.reduced).sum(0)) / spread
        return changes

    def chances(self, x: Matrix, draws: int) -> Vector:
        """Probability that each row of `x` is the best of them at the true source, by simulation.

        Args:
            x: Vectors, one a row.
            draws: How many functions to draw from the posterior, always the same.
        """
        at = self.predict(x, self.top)
        here = np.full(len(x), self.top)
        joint = covariance(self.sources, x, here, x, here) - at.reduced.T @ at.reduced
        factor = np.linalg.cholesky(joint + 1e-4 * np.eye(len(x)))
        normal = np.random.default_rng(0).standard_normal((draws, len(x)))
        winners = np.argmax(at.means + normal @ factor.T, axis=1)
        chances: Vector = np.bincount(winners, minlength=len(x)) / draws
        return chances

    def _factor(self, x: Matrix, levels: Levels) -> Matrix:
        return _factor(self.sources, x, levels)


def covariance(
    sources: Sequence[Source],
    one: Matrix,
    ones: Levels,
    other: Matrix,
    others: Levels,
    first: Matrix | None = None,
) -> Matrix:
    """Covariances before any observation, shape ``(len(one), len(other))``.

    Args:
        sources: Sources from the cheapest to the true one.
        one: Vectors, one a row.
        ones: Sources of the rows of `one`.
        other: Vectors, one a row.
        others: Sources of the rows of `other`.
        first: Covariances at the cheapest source, where they are known.
    """
    found = sources[0].kernel(one, other) if first is None else first.copy()
    for level in range(1, len(sources)):
        rows, columns = np.flatnonzero(ones >= level), np.flatnonzero(others >= level)
        if not len(rows) or not len(columns):
            break
        rho = sources[level].correlation ** 2
        deviation = sources[level].kernel(one[rows], other[columns])
        shared = np.ix_(rows, columns)
        found[shared] = rho * found[shared] + (1 - rho) * deviation
    found *= _chained(sources)[np.ix_(ones, others)]
    return found


def variance(sources: Sequence[Source], one: int, other: int) -> float:
    """Covariance of two sources at the same point before any observation."""
    found = sources[0].kernel.variance
    for source in sources[1 : min(one, other) + 1]:
        rho = source.correlation**2
        found = rho * found + (1 - rho) * source.kernel.variance
    return float(found * _chained(sources)[one, other])


def _chained(sources: Sequence[Source]) -> Matrix:
    """Products of the correlations between each two sources."""
    chained = np.eye(len(sources))
    for above in range(1, len(sources)):
        for below in range(above):
            product = chained[below, above - 1] * sources[above].correlation
            chained[below, above] = chained[above, below] = product
    return chained


def _factor(sources: Sequence[Source], x: Matrix, levels: Levels) -> Matrix:
    """The lower Cholesky factor of the covariance of observations."""
    noisy = covariance(sources, x, levels, x, levels)
    noises = np.array([source.noise for source in sources])
    noisy[np.diag_indices(len(noisy))] += noises[levels] + _JITTER
    noisy += _OFFSET * (np.equal.outer(levels, levels) & (levels > 0))
    return np.asarray(np.linalg.cholesky(noisy), dtype=np.float64)


def fit_source(
    below: Sequence[Source],
    x: Matrix,
    levels: Levels,
    y: Vector,
    kernels: Sequence[Kernel],
    usual_scale: float = USUAL_SCALE,
    usual_noise: float = USUAL_NOISE,
) -> Source:
    """The source above those in `below`, from observations at it and at them.

    Args:
        below: The cheaper sources, which have observations.
        x: Vectors, one a row.
        levels: Places of their sources; ``len(below)`` is that of the new one.
        y: Observed values; of the new source about their median, in units of the cheapest.
        kernels: What the covariance of the deviation may be; the one of highest likelihood is
            taken.
        usual_scale: What a unit of the process is expected to be in observed values.
        usual_noise: What the variance of an observation is expected to be, in units of the process.
    """
    prior, scales = _prior(usual_noise), np.log(_SCALES * usual_scale)
    mine = levels == len(below)
    count = int(mine.sum())
    best, kernel, evidence = prior, kernels[0], 0.0
    if count > 1:
        known = MultiSourceProcess(below, x[~mine], levels[~mine], y[~mine])
        lower = known.predict(x[mine], len(below) - 1)
        at = np.full(count, len(below) - 1)
        left = covariance(below, lower.x, at, lower.x, at) - lower.reduced.T @ lower.reduced
        found = [
            prior + _log_likelihood(lower.means, left, k(x[mine], x[mine]), y[mine], scales)
            for k in kernels
        ]
        likelihoods = [float(np.logaddexp.reduce(logs.ravel())) for logs in found]
        place = int(np.argmax(likelihoods))
        best, kernel, evidence = found[place], kernels[place], likelihoods[place]
    weights = np.exp(best - best.max())
    weights /= weights.sum()
    by_correlation = weights.sum((1, 2))
    return Source(
        kernel,
        float(by_correlation @ CORRELATIONS),
        float(np.exp(weights.sum((0, 2)) @ scales)),
        float(np.exp(weights.sum((0, 1)) @ _NOISES)),
        tuple(by_correlation.tolist()),
        evidence,
    )


def prior_weights() -> Vector:
    """Probability of each of `CORRELATIONS` before any observation."""
    weights = np.exp(_prior()).sum((1, 2))
    found: Vector = weights / weights.sum()
    return found


def _prior(usual_noise: float = USUAL_NOISE) -> NDArray[np.float64]:
    """Logarithms of the prior probabilities, by correlation, scale and noise."""
    positive = np.maximum(CORRELATIONS, 0.0)
    least = np.where(CORRELATIONS < 0, _REVERSED, _UNRELATED)
    density = np.maximum(positive**_TRUST * (1 - positive) ** _DOUBT, least)
    density = density * np.gradient(CORRELATIONS)
    scales = -0.5 * (np.log(_SCALES) / _SCALE_SPREAD) ** 2
    noises = -0.5 * ((_NOISES - np.log(usual_noise)) / _NOISE_SPREAD) ** 2
    prior: NDArray[np.float64] = np.log(density)[:, None, None] + scales[:, None] + noises
    return prior


def _log_likelihood(
    means: Vector, left: Matrix, deviation: Matrix, y: Vector, scales: Vector
) -> NDArray[np.float64]:
    """Log likelihood of `y` given the source below, by correlation, scale and noise.

    Args:
        means: Means of the source below.
        left: Covariances of the source below, given the observations below.
        deviation: Covariances of the deviation.
        y: Observed values.
        scales: Logarithms of the scales.
    """
    count = len(y)
    squares = (CORRELATIONS**2)[:, None, None]
    noise = np.exp(_NOISES)[:, None, None] * np.eye(count)
    both = squares * left + (1 - squares) * deviation + _OFFSET + _JITTER * np.eye(count)
    factors = np.linalg.cholesky(both[:, None] + noise)
    sizes = np.log(np.diagonal(factors, axis1=-2, axis2=-1)).sum(-1)
    away = y / np.exp(scales)[:, None, None] - CORRELATIONS[:, None] * means
    whitened = np.einsum("rnij,srj->rsni", np.linalg.inv(factors), away)
    logs = -0.5 * (whitened**2).sum(-1) - sizes[:, None]
    found: NDArray[np.float64] = logs - count * scales[:, None]
    return found
