from __future__ import annotations

import math

import numpy as np
import pytest

from raynas.errors import ConfigurationError
from raynas.proxy import smallest_difference, typical_noise, variance_of


def test_the_scores_that_vertex_accepts_have_a_variation_of_0_4() -> None:
    found = variance_of([0.2, 0.4, 0.6, 0.3, 0.5])
    assert found.mean == pytest.approx(0.4)
    assert found.variation == pytest.approx(0.395, abs=1e-3)
    assert found.apart(1) > 0.6  # which such a task can hardly ever show


def covered(draws: int, inside) -> float:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    return sum(inside(rng) for _ in range(draws)) / draws


@pytest.mark.parametrize("variation", [0.01, 0.2])
def test_intervals_cover_the_truth_as_often_as_they_say(variation: float) -> None:
    def inside(rng: np.random.Generator) -> bool:
        found = variance_of(rng.normal(1.0, variation, size=5))
        return found.variation_low <= variation <= found.variation_high

    def inside_deviation(rng: np.random.Generator) -> bool:
        found = variance_of(rng.normal(1.0, variation, size=5))
        return found.deviation_low <= variation <= found.deviation_high

    assert covered(2000, inside) == pytest.approx(0.95, abs=0.015)
    assert covered(2000, inside_deviation) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("repeats", [1, 3])
def test_equal_architectures_are_told_apart_one_time_in_twenty(repeats: int) -> None:
    def apart(rng: np.random.Generator) -> bool:
        scores = rng.normal(size=5)
        one, other = rng.normal(size=(2, repeats)).mean(axis=1)
        return abs(one - other) >= variance_of(scores).apart(repeats)

    assert covered(3000, apart) == pytest.approx(0.05, abs=0.012)


def test_a_difference_of_that_power_is_found_that_often() -> None:
    difference = smallest_difference(1.0, 20, 3, power=0.8)
    least = smallest_difference(1.0, 20, 3)

    def found(rng: np.random.Generator) -> bool:
        deviation = math.sqrt(rng.chisquare(20) / 20)
        one, other = rng.normal(size=(2, 3)).mean(axis=1)
        return one + difference - other >= least * deviation

    assert covered(3000, found) == pytest.approx(0.8, abs=0.03)


def test_more_repeats_tell_smaller_differences_apart() -> None:
    assert smallest_difference(0.1, 4, 4) == pytest.approx(smallest_difference(0.1, 4, 1) / 2)


def test_typical_noise_covers_the_geometric_mean_of_architectures_that_differ() -> None:
    def inside(rng: np.random.Generator) -> bool:
        deviations = np.exp(rng.normal(size=12))
        low, high = typical_noise([rng.normal(scale=d, size=3) for d in deviations])[1:]
        return low <= 1.0 <= high

    assert covered(1500, inside) == pytest.approx(0.95, abs=0.02)


def test_equal_scores_have_no_variance_and_no_typical_noise() -> None:
    found = variance_of([0.5, 0.5, 0.5])
    assert (found.deviation, found.variation, found.apart(1)) == (0, 0, 0)
    with pytest.raises(ConfigurationError, match="0 architectures were trained twice"):
        typical_noise([[0.5, 0.5], [0.1]])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: variance_of([0.5]), "scores: 1 of them; it takes two"),
        (lambda: variance_of([0.5, math.nan]), "must all be finite"),
        (lambda: variance_of([0.5, 0.6], level=1.0), "level=1.0: must be above 0 and below 1"),
        (lambda: smallest_difference(0.1, 4, 0), "repeats=0: must be at least 1"),
        (lambda: smallest_difference(0.1, 0, 1), "freedom=0: must be at least 1"),
        (lambda: smallest_difference(0.1, 4, 1, power=0.1), "power=0.1: must be from 0.5"),
    ],
)
def test_bad_input_is_said(call, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigurationError, match=words):
        call()


def test_a_mean_of_nothing_has_no_variation() -> None:
    assert math.isinf(variance_of([-1.0, 1.0]).variation)
