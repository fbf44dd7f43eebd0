"""Gaussian process regression on feature vectors, with a weight for every group of features.

Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning": algorithm 2.1 for the
prediction, section 5.1 for automatic relevance determination and section 5.4.1 for the gradient.
Hyperparameters maximize the posterior: each has a log-normal prior, so that a few observations do
not switch decisions off.

The kernel is a sum of terms ``a * exp(-sum_g w_g * |x_g - y_g|**2)``, each over groups g of
features. For groups that one-hot encode a decision a term is the weighted Hamming kernel of Hutter,
Hoos and Leyton-Brown 2011, "Sequential Model-Based Optimization for General Algorithm
Configuration", section 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

__all__ = [
    "GaussianProcess",
    "Kernel",
    "Placed",
    "Posterior",
    "Prior",
    "TermPrior",
    "fit_kernel",
]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_JITTER = 1e-6
"""Added to the diagonal for the Cholesky factor, as in most libraries; far below any noise."""
_BOUNDS = (-14.0, 6.0)
"""Logarithms: weights between one in a million and 400, beyond which rewards do not change."""
_STEPS = 30  # of L-BFGS; chosen by hand: precision of the fit against time
_LARGE = 2**21  # 16 MiB of doubles: a matrix of 1,400 rows


def _keep_memory_of_matrices() -> None:
    """Make the C library reuse the memory of matrices that are freed.

    Glibc maps memory anew for every block as large as any that it freed before, and a matrix of
    500 rows takes less time to factor than to be mapped.
    """
    np.empty(_LARGE)


_keep_memory_of_matrices()


@dataclass(frozen=True)
class Placed:
    """Rows where their squared distances are the exponents of a kernel's term.

    Attributes:
        rows: The rows.
        sizes: The squared length of each.
    """

    rows: Matrix
    sizes: Vector

    @classmethod
    def of(cls, rows: Matrix) -> Placed:
        """Rows together with their squared lengths."""
        return cls(rows, (rows * rows).sum(1))

    def __getitem__(self, part: slice) -> Placed:
        return Placed(self.rows[part], self.sizes[part])


@dataclass(frozen=True)
class Term:
    """One term of a kernel.

    Attributes:
        scale: Variance of the term.
        columns: The features that it looks at.
        weights: Weight of each of the features.
    """

    scale: float
    columns: slice
    weights: Vector

    def __call__(self, one: Matrix, other: Matrix) -> Matrix:
        """Covariances, shape ``(len(one), len(other))``."""
        return self.between(Placed.of(self.placed(one)), Placed.of(self.placed(other)))

    def between(self, one: Placed, other: Placed) -> Matrix:
        """Covariances of rows that have been placed."""
        return self.of_products(one, other, one.rows @ other.rows.T)

    def of_products(self, one: Placed, other: Placed, products: Matrix) -> Matrix:
        """Covariances of placed rows from their scalar products, which are overwritten."""
        squares = one.sizes[:, None] + other.sizes
        products *= 2.0
        squares -= products
        np.maximum(squares, 0.0, out=squares)
        np.negative(squares, out=squares)
        np.exp(squares, out=squares)
        squares *= self.scale
        return squares

    def placed(self, x: Matrix) -> Matrix:
        """The rows of `x` where their squared distances are the exponents."""
        places: Matrix = x[:, self.columns] * np.sqrt(self.weights)
        return places


@dataclass(frozen=True)
class Kernel:
    """A covariance function: the sum of its terms.

    Attributes:
        terms: Terms of the sum.
        noise: Variance of an observation about its true value.
    """

    terms: tuple[Term, ...]
    noise: float

    @property
    def variance(self) -> float:
        """Prior variance of the function at any one point."""
        return sum(term.scale for term in self.terms)

    def scaled(self, variance: float) -> Kernel:
        """A copy of this kernel with `variance`, its noise in proportion."""
        factor = variance / self.variance
        terms = tuple(replace(term, scale=factor * term.scale) for term in self.terms)
        return Kernel(terms, factor * self.noise)

    def __call__(self, one: Matrix, other: Matrix) -> Matrix:
        """Covariances, shape ``(len(one), len(other))``."""
        return self.between(self.placed(one), self.placed(other))

    def placed(self, x: Matrix) -> list[Placed]:
        """The rows of `x` for each term; to be used again where they meet several others."""
        return [Placed.of(term.placed(x)) for term in self.terms]

    def between(self, one: Sequence[Placed], other: Sequence[Placed]) -> Matrix:
        """Covariances of rows that have been placed, shape ``(rows, other rows)``."""
        covariances = np.zeros((len(one[0].sizes), len(other[0].sizes)))
        for term, a, b in zip(self.terms, one, other, strict=True):
            covariances += term.between(a, b)
        return covariances


@dataclass(frozen=True)
class TermPrior:
    """What is held of one term before any observation.

    Attributes:
        groups: Groups of features, which are slices side by side.
        exponent: What it is to have between two random architectures.
        variance: Prior variance, in units of the variance of all observations.
        names: A name for each group: groups of one name, also in other parts, have one weight.
            Without names each group has its own.
    """

    groups: tuple[slice, ...]
    exponent: float
    variance: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prior:
    """What is held of a kernel's logarithmic hyperparameters before any observation.

    Each is normal. They stand for, term by term, the scale and the weight of each group, and at
    last the noise.

    Attributes:
        terms: The groups of features of each term.
        mean: Means of the logarithms.
        deviation: Standard deviations of the predictions.
        places: Which of them stands for each scale, weight and the noise.
    """

    terms: tuple[tuple[slice, ...], ...]
    mean: Vector
    deviation: Vector
    places: NDArray[np.int64]

    @classmethod
    def of(cls, sample: Matrix, parts: Sequence[TermPrior], noise: float = 0.02) -> Prior:
        """The prior that suits vectors such as those of `sample`.

        Args:
            sample: Vectors of random architectures, one a row.
            parts: Priors of the kernel's terms.
            noise: Variance of an observation, where that of all is 1.
        """
        spread = 2.0 * sample.var(axis=0)
        names: list[str] = []
        logs: list[float] = []
        for number, part in enumerate(parts):
            span = sum(float(spread[group].sum()) for group in part.groups)
            weight = float(np.log(part.exponent / max(span, 1e-12)))
            own = [f"{number} {group.start}" for group in part.groups]
            names += [f"{number}", *(part.names or own)]
            logs += [float(np.log(part.variance)), *[weight] * len(part.groups)]
        order = {name: place for place, name in enumerate(dict.fromkeys(names))}
        places = np.array([order[name] for name in names], dtype=np.int64)
        return cls(
            tuple(part.groups for part in parts),
            np.append(np.bincount(places, logs) / np.bincount(places), np.log(noise)),
            np.append(np.ones(len(order)), 1.5),
            np.append(places, len(order)),
        )

    def kernel(self, logs: Vector) -> Kernel:
        """The kernel of these logarithmic hyperparameters."""
        logs = logs[self.places]
        terms, at = [], 0
        for groups in self.terms:
            weights = np.exp(logs[at + 1 : at + 1 + len(groups)])
            repeats = [group.stop - group.start for group in groups]
            columns = slice(groups[0].start, groups[-1].stop)
            terms.append(Term(float(np.exp(logs[at])), columns, np.repeat(weights, repeats)))
            at += 1 + len(groups)
        return Kernel(tuple(terms), float(np.exp(logs[-1])))


def fit_kernel(prior: Prior, x: Matrix, y: Vector, extra: Vector | None = None) -> Kernel:
    """The kernel of highest posterior density.

    Args:
        prior: Prior of the hyperparameters.
        x: Vectors, one a row.
        y: Observed values, of mean 0 and variance 1.
        extra: Variance of each observation over the common noise.
    """

    def loss(logs: Vector) -> tuple[float, Vector]:
        value, slope = _negative_log_likelihood(prior, logs, x, y, extra)
        away = (logs - prior.mean) / prior.deviation
        return value + 0.5 * float(away @ away), slope + away / prior.deviation

    bounds = [_BOUNDS] * len(prior.mean)
    found = minimize(
        loss, prior.mean, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _STEPS}
    )
    return prior.kernel(found.x)


def _negative_log_likelihood(
    prior: Prior, logs: Vector, x: Matrix, y: Vector, extra: Vector | None
) -> tuple[float, Vector]:
    """Negative log marginal likelihood and its gradient; equations 2.30 and 5.9 of the book."""
    kernel = prior.kernel(logs)
    parts = [term(x, x) for term in kernel.terms]
    factor = _factor(sum(parts, np.zeros((len(y), len(y)))), kernel.noise, extra)
    alpha = cho_solve((factor, True), y, check_finite=False)
    half = dpotri(factor, lower=1)[0]
    inverse = half + np.tril(half, -1).T
    value = 0.5 * float(y @ alpha) + float(np.log(np.diag(factor)).sum())
    inverse -= np.outer(alpha, alpha)
    outer = 0.5 * inverse
    slope: list[float] = []
    for term, part, groups in zip(kernel.terms, parts, prior.terms, strict=True):
        pull = outer * part
        rows = x[:, term.columns]
        squares = 2.0 * (pull.sum(1) @ (rows * rows) - np.einsum("ij,ij->j", rows, pull @ rows))
        first = term.columns.start
        by_group = np.add.reduceat(term.weights * squares, [g.start - first for g in groups])
        slope += [float(pull.sum()), *(-by_group)]
    slope.append(float(np.trace(outer)) * kernel.noise)
    return value, np.bincount(prior.places, np.array(slope)).astype(float)


def _factor(covariance: Matrix, noise: float, extra: Vector | None) -> Matrix:
    """The lower Cholesky factor of `covariance` with the noise on its diagonal."""
    noisy = covariance.copy()
    noisy[np.diag_indices(len(noisy))] += noise + _JITTER + (0.0 if extra is None else extra)
    return np.asarray(np.linalg.cholesky(noisy), dtype=np.float64)


class GaussianProcess:
    """The posterior of a function after observations.

    Args:
        kernel: Prior covariance of the function.
        x: Vectors, one a row.
        y: Observed values, about 0.
        extra: Variance of each observation over the common noise.
        covariance: ``kernel(x, x)``, where it is known.

    Attributes:
        fitted: Means of the function at the rows of `x`.
        evidence: Logarithm of the marginal likelihood over that of independent observations of
            variance 1; equation 2.30 of the book.
    """

    def __init__(
        self,
        kernel: Kernel,
        x: Matrix,
        y: Vector,
        extra: Vector | None = None,
        covariance: Matrix | None = None,
    ) -> None:
        self.kernel = kernel
        self._placed = kernel.placed(x)
        self._factor = _factor(
            kernel(x, x) if covariance is None else covariance, kernel.noise, extra
        )
        self._alpha = cho_solve((self._factor, True), y, check_finite=False)
        noise = kernel.noise + _JITTER + (0.0 if extra is None else extra)
        self.fitted: Vector = y - noise * self._alpha
        self.evidence = float(0.5 * y @ (y - self._alpha) - np.log(np.diag(self._factor)).sum())

    def expecting(self, x: Matrix) -> GaussianProcess:
        """A copy of this posterior after its own means at the rows of `x` were observed there too.

        Such observations leave all means as they are, so that only the factor grows.
        """
        posterior = self.posterior(x)
        left = self.kernel(x, x) - posterior.reduced.T @ posterior.reduced
        more = copy(self)
        more._placed = [
            Placed(np.vstack([known.rows, new.rows]), np.append(known.sizes, new.sizes))
            for known, new in zip(self._placed, posterior.placed, strict=True)
        ]
        more._factor = np.block(
            [
                [self._factor, np.zeros_like(posterior.reduced)],
                [posterior.reduced.T, _factor(left, self.kernel.noise, None)],
            ]
        )
        more._alpha = np.append(self._alpha, np.zeros(len(x)))
        more.fitted = np.append(self.fitted, posterior.means)
        return more

    def mean(self, x: Matrix) -> Vector:
        """Means of the function at the rows of `x`."""
        values: Vector = self.kernel.between(self.kernel.placed(x), self._placed) @ self._alpha
        return values

    def predict(self, x: Matrix) -> tuple[Vector, Vector]:
        """Means and standard deviations of the function, without noise, at the rows of `x`."""
        posterior = self.posterior(x)
        return posterior.means, self.deviations(posterior.variances)

    def posterior(self, x: Matrix) -> Posterior:
        """The joint posterior of the function, without noise, at the rows of `x`."""
        placed = self.kernel.placed(x)
        across = self.kernel.between(self._placed, placed)
        reduced = solve_triangular(self._factor, across, lower=True, check_finite=False)
        variances = self.kernel.variance - (reduced * reduced).sum(0)
        return Posterior(self.kernel, placed, across.T @ self._alpha, variances, reduced)

    def deviations(self, variances: Vector) -> Vector:
        """Standard deviations, which rounding errors do not make zero."""
        roots: Vector = np.sqrt(np.maximum(variances, _JITTER))
        return roots

    @property
    def noise(self) -> float:
        """Variance of an observation about the function."""
        return self.kernel.noise + _JITTER


@dataclass(frozen=True)
class Posterior:
    """The joint distribution of a function at some points after observations.

    Attributes:
        kernel: Prior covariance of the function.
        placed: The points, one a row.
        means: Means there.
        variances: Variances there.
        reduced: Covariances with the observations, multiplied by the inverse of the lower
            Cholesky factor of theirs, shape ``(observations, points)``.
    """

    kernel: Kernel
    placed: Sequence[Placed]
    means: Vector
    variances: Vector
    reduced: Matrix

    def covariances(self, row: int) -> Vector:
        """Covariances of the function at one of the points with that at all."""
        point = [places[row : row + 1] for places in self.placed]
        before = self.kernel.between(point, self.placed)[0]
        after: Vector = before - self.reduced[:, row] @ self.reduced
        return after
