from __future__ import annotations

import numpy as np
import pytest

from raynas.errors import ConfigurationError
from raynas.proxy import smoothness_of

NOISE = 0.03


def curve(count: int, rng: np.random.Generator, memory: float = 0.0):  # type: ignore[no-untyped-def]
    """A saturating curve at `count` steps with noise that lasts for `memory` of the training."""
    t = np.arange(1, count + 1) / count
    noise = rng.normal(size=count)
    if memory:
        keep = np.exp(-1 / count / memory)
        for i in range(1, count):
            noise[i] = keep * noise[i - 1] + np.sqrt(1 - keep**2) * noise[i]
    return t, 1 - np.exp(-5 * t) + NOISE * noise


def average(count: int, memory: float = 0.0, draws: int = 150) -> tuple[float, float]:
    rng = np.random.default_rng(count)
    found = [smoothness_of(*curve(count, rng, memory)) for _ in range(draws)]
    squares = [one.noise**2 for one in found]
    return float(np.sqrt(np.mean(squares))), float(np.mean([one.smoothness for one in found]))


@pytest.mark.parametrize("count", [20, 50, 100, 400])
def test_it_does_not_depend_on_the_number_of_evaluations(count: int) -> None:
    noise, smoothness = average(count)
    assert noise == pytest.approx(NOISE, rel=0.06)
    assert smoothness == pytest.approx(average(200)[1], abs=0.02)


def test_nor_does_it_where_noise_lasts_longer_than_from_one_evaluation_to_the_next() -> None:
    few, many = average(20, memory=0.02), average(400, memory=0.02)
    assert few[0] == pytest.approx(many[0], rel=0.08)


def test_the_sum_of_all_changes_which_it_replaces_does_depend_on_it() -> None:
    rng = np.random.default_rng(0)
    sums = [np.abs(np.diff(curve(count, rng)[1])).sum() for count in (20, 400)]
    assert sums[1] > 5 * sums[0]


def test_evaluations_at_uneven_steps_count_alike() -> None:
    rng = np.random.default_rng(1)
    squares = []
    for _ in range(300):
        t = np.sort(rng.uniform(size=20)) + np.arange(20)
        squares.append(smoothness_of(t, np.log(t + 5) + NOISE * rng.normal(size=20)).noise ** 2)
    assert np.sqrt(np.mean(squares)) == pytest.approx(NOISE, rel=0.08)


def test_a_curve_without_noise_is_smooth_and_noise_is_not() -> None:
    t = np.arange(1, 41)
    assert smoothness_of(t, 1 - np.exp(-t / 10)).smoothness > 0.9999
    assert smoothness_of(t, np.full(40, 0.5)).smoothness == 1
    alone = [smoothness_of(t, np.random.default_rng(i).normal(size=40)) for i in range(50)]
    assert np.mean([one.smoothness for one in alone]) < 0.25


def test_a_missing_evaluation_is_passed_over() -> None:
    t = np.arange(1, 21)
    y = np.sqrt(t)
    y[7] = np.nan
    found = smoothness_of(t, y)
    assert found.evaluations == 19
    assert found.noise < 0.01


@pytest.mark.parametrize(
    ("steps", "scores", "words"),
    [
        ([1, 2, 3], [1, 2, 3], "3 finite evaluations; smoothness takes 6 at least"),
        (range(8), [1.0] * 7, "7 of them for 8 steps"),
        ([1, 2, 2, 3, 4, 5, 6], [1.0] * 7, "steps: must rise"),
    ],
)
def test_bad_input_is_said(steps, scores, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigurationError, match=words):
        smoothness_of(list(steps), scores)
