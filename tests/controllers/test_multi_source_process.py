"""A Gaussian process over several sources: against the formulas, written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import multivariate_normal, norm

from raynas.controllers.gaussian_process import GaussianProcess, Kernel, Term
from raynas.controllers.multi_source_process import MultiSourceProcess, Source, fit_source

Matrix = NDArray[np.float64]

KERNEL = Kernel((Term(1.0, slice(0, 2), np.array([3.0, 1.0])),), 0.05)
OTHER = Kernel((Term(0.7, slice(0, 2), np.array([1.0, 4.0])),), 0.0)
SOURCES = (
    Source(KERNEL, noise=0.05),
    Source(OTHER, 0.8, 0.5, 0.02),
    Source(KERNEL, -0.6, 2.0, 0.01),
)
RNG = np.random.default_rng(0)
X = RNG.uniform(size=(12, 2))
LEVELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
Y = RNG.normal(size=12)
OFFSET, JITTER = 9.0, 1e-6


def prior(one: Matrix, ones: Any, other: Matrix, others: Any) -> Matrix:
    """Covariances by drawing the autoregression as a sum of independent functions."""
    total = np.zeros((len(one), len(other)))
    for source in range(len(SOURCES)):
        weight = np.ones(len(SOURCES)) * (np.arange(len(SOURCES)) >= source)
        rho = SOURCES[source].correlation
        weight *= 1.0 if source == 0 else (1 - rho**2) ** 0.5
        for level in range(len(SOURCES)):
            for above in range(source + 1, level + 1):
                weight[level] *= SOURCES[above].correlation
        kernel = SOURCES[source].kernel(one, other)
        total += weight[ones][:, None] * weight[others] * kernel
    return total


def conditioned(x: Matrix, level: int) -> tuple[Matrix, Matrix]:
    """Means and covariances given the observations, by the textbook's formula."""
    observed = prior(X, LEVELS, X, LEVELS)
    for level_of in (1, 2):
        same = level_of == LEVELS
        observed += OFFSET * np.outer(same, same)
    observed += np.diag(np.array([s.noise for s in SOURCES])[LEVELS] + JITTER)
    here = np.full(len(x), level)
    across = prior(x, here, X, LEVELS)
    scaled = Y / np.array([s.scale for s in SOURCES])[LEVELS]
    solved = np.linalg.solve(observed, np.column_stack([scaled, across.T]))
    return across @ solved[:, 0], prior(x, here, x, here) - across @ solved[:, 1:]


@pytest.mark.parametrize("level", [0, 1, 2])
def test_predictions_are_those_of_the_conditioned_normal_distribution(level: int) -> None:
    points = np.random.default_rng(1).uniform(size=(5, 2))
    found = MultiSourceProcess(SOURCES, X, LEVELS, Y).predict(points, level)
    means, covariances = conditioned(points, level)
    np.testing.assert_allclose(found.means, means, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.variances, np.diag(covariances), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("place", range(12))
def test_surprise_is_the_distance_from_what_the_others_predict(place: int) -> None:
    """The others condition the normal distribution of all observations."""
    covariances = prior(X, LEVELS, X, LEVELS)
    covariances += OFFSET * (np.equal.outer(LEVELS, LEVELS) & (LEVELS > 0))
    covariances += np.diag(np.array([s.noise for s in SOURCES])[LEVELS] + JITTER)
    scaled = Y / np.array([s.scale for s in SOURCES])[LEVELS]
    others = np.arange(12) != place
    solved = np.linalg.solve(covariances[np.ix_(others, others)], covariances[others, place])
    mean, variance = solved @ scaled[others], covariances[place, place]
    spread = np.sqrt(variance - solved @ covariances[others, place])
    process = MultiSourceProcess(SOURCES, X, LEVELS, Y, X[:2], LEVELS[:2])
    found = process.surprise(X[place], int(LEVELS[place]))
    assert found == pytest.approx((scaled[place] - mean) / spread)
    assert process.surprise(X[place], (int(LEVELS[place]) + 1) % 3) == 0.0


def test_several_predictions_at_once_are_the_same() -> None:
    process = MultiSourceProcess(SOURCES, X, LEVELS, Y)
    points = np.random.default_rng(1).uniform(size=(5, 2))
    for found, level in zip(process.predictions(points, (2, 0)), (2, 0), strict=True):
        np.testing.assert_array_equal(found.means, process.predict(points, level).means)
        np.testing.assert_array_equal(found.variances, process.predict(points, level).variances)


def test_with_one_source_it_is_the_plain_process() -> None:
    points = np.random.default_rng(2).uniform(size=(4, 2))
    plain = GaussianProcess(KERNEL, X, Y)
    one = MultiSourceProcess([Source(KERNEL, noise=0.05)], X, np.zeros(12, dtype=int), Y)
    found = one.predict(points, 0)
    means, deviations = plain.predict(points)
    np.testing.assert_allclose(found.means, means)
    np.testing.assert_allclose(np.sqrt(found.variances), deviations)


def test_evidence_is_the_likelihood_over_that_of_unit_noise() -> None:
    process = GaussianProcess(KERNEL, X, Y)
    covariance = KERNEL(X, X) + (KERNEL.noise + JITTER) * np.eye(12)
    likelihood = multivariate_normal(cov=covariance).logpdf(Y)
    assert process.evidence == pytest.approx(likelihood - norm.logpdf(Y).sum())


def test_an_observation_moves_means_as_far_as_it_takes_variance_away() -> None:
    """The variance of a mean's change is what the observation takes of the variance."""
    points = np.random.default_rng(3).uniform(size=(3, 2))
    process = MultiSourceProcess(SOURCES, X, LEVELS, Y)
    trained, wanted = process.predictions(points, (1, 2))
    changes = process.changes(trained, wanted)
    for row in range(3):
        after = MultiSourceProcess(
            SOURCES, X, LEVELS, Y, points[row : row + 1], np.array([1])
        ).predict(points, 2)
        np.testing.assert_allclose(after.means, wanted.means)
        taken = wanted.variances[row] - after.variances[row]
        np.testing.assert_allclose(changes[row] ** 2, taken, rtol=1e-4, atol=1e-7)


def test_chances_follow_the_means() -> None:
    process = MultiSourceProcess(SOURCES, X, LEVELS, Y)
    chances = process.chances(X, 500)
    assert chances.sum() == pytest.approx(1.0)
    means = process.predict(X, 2).means
    assert chances[np.argmax(means)] > chances[np.argmin(means)]


def observed(correlation: float, count: int) -> tuple[Matrix, Any, Matrix]:
    """Observations at a cheap source and, of `count` points, at one that goes with it so far."""
    rng = np.random.default_rng(4)
    x = rng.uniform(size=(60, 2))
    factor = np.linalg.cholesky(KERNEL(x, x) + 1e-8 * np.eye(60))
    cheap, own = factor @ rng.normal(size=60), factor @ rng.normal(size=60)
    true = correlation * cheap + (1 - correlation**2) ** 0.5 * own
    y = np.concatenate([cheap, true[:count] - np.median(true[:count])])
    levels = np.repeat([0, 1], [60, count])
    return np.vstack([x, x[:count]]), levels, y + 0.1 * rng.normal(size=len(y))


@pytest.mark.parametrize(
    ("correlation", "low", "high"), [(0.97, 0.85, 1.0), (0.0, -0.35, 0.35), (-0.5, -0.85, -0.15)]
)
def test_the_correlation_of_a_source_is_found(correlation: float, low: float, high: float) -> None:
    x, levels, y = observed(correlation, 40)
    source = fit_source([Source(KERNEL, noise=0.02)], x, levels, y, [KERNEL])
    assert low <= source.correlation <= high
    assert sum(source.weights) == pytest.approx(1.0)


@pytest.mark.parametrize("count", [0, 1])
def test_without_two_observations_a_source_is_as_before(count: int) -> None:
    x, levels, y = observed(0.9, 1)
    x, levels, y = x[: 60 + count], levels[: 60 + count], y[: 60 + count]
    found = fit_source([Source(KERNEL, noise=0.02)], x, levels, y, [KERNEL])
    assert found == fit_source([Source(KERNEL, noise=0.02)], x[:9], levels[:9], y[:9], [KERNEL])
    assert 0.5 < found.correlation < 0.8
