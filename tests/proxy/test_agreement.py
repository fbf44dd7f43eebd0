from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from raynas.errors import ConfigurationError
from raynas.proxy import agreement_of, lower_bounds, tau_of, top_recall
from raynas.proxy.agreement import resampled_taus

RNG = np.random.default_rng


def pair(rng: np.random.Generator, models: int, correlation: float):  # type: ignore[no-untyped-def]
    x = rng.normal(size=models)
    return x, correlation * x + np.sqrt(1 - correlation**2) * rng.normal(size=models)


def test_tau_is_that_of_scipy_with_ties_too() -> None:
    x, y = np.round(pair(RNG(0), 30, 0.7), 1)
    assert tau_of(x, y) == pytest.approx(stats.kendalltau(x, y)[0])


def test_tau_of_several_runs_is_the_average_over_single_ones() -> None:
    rng = RNG(1)
    full = rng.normal(size=8)
    runs = full[:, None] + 0.5 * rng.normal(size=(8, 2))
    picked = [tau_of(runs[range(8), rng.integers(2, size=8)], full) for _ in range(3000)]
    assert tau_of(runs, full) == pytest.approx(np.mean(picked), abs=0.01)


def test_a_model_without_a_score_is_as_if_it_were_not_there() -> None:
    x, y = pair(RNG(2), 12, 0.8)
    holed = x.copy()
    holed[3] = np.nan
    assert tau_of(holed, y) == pytest.approx(tau_of(np.delete(x, 3), np.delete(y, 3)))
    assert agreement_of(holed, y).models == 11


@pytest.mark.parametrize(("models", "correlation"), [(10, 0.75), (20, 0.9), (30, 0.3)])
def test_intervals_cover_the_truth(models: int, correlation: float) -> None:
    truth = 2 / np.pi * np.arcsin(correlation)
    rng = RNG(3)
    hits = 0
    for draw in range(400):
        found = agreement_of(*pair(rng, models, correlation), seed=draw, draws=600)
        hits += found.low <= truth <= found.high
    assert 0.92 <= hits / 400 <= 0.985


def test_ten_models_that_agree_in_every_pair_prove_no_perfect_proxy() -> None:
    found = agreement_of(np.arange(10), np.arange(10))
    assert found.tau == 1
    assert found.low < 0.9


def test_bounds_of_many_readings_hold_together() -> None:
    """The cheapest reading whose bound is above a tau that none of them has: a false promise."""
    rng = RNG(4)
    correlation = 0.6
    truth = 2 / np.pi * np.arcsin(correlation)
    false = 0
    for draw in range(300):
        full = rng.normal(size=12)
        shared = rng.normal(size=12)
        noise = 0.7 * shared + np.sqrt(1 - 0.49) * rng.normal(size=(15, 12))
        readings = correlation * full + np.sqrt(1 - correlation**2) * noise
        bounds = lower_bounds(readings, full, 0.9, seed=draw, draws=600)
        false += bool((bounds > truth).any())
    assert false / 300 <= 0.13


def test_a_bound_of_one_reading_is_of_use() -> None:
    x, y = pair(RNG(5), 40, 0.97)
    assert 0.5 < lower_bounds(x[None], y, 0.95)[0] < tau_of(x, y)


def test_readings_with_nothing_to_rank_have_no_bound() -> None:
    cells = np.array([np.full(8, np.nan), np.full(8, 0.5), np.arange(8.0)])
    bounds = lower_bounds(cells, np.arange(8.0), 0.9)
    assert bounds[:2].tolist() == [-1, -1]
    assert bounds[2] > 0


def test_a_foretold_truth_makes_an_interval_wider() -> None:
    x, y = pair(RNG(6), 12, 0.9)
    drawn = y + 0.6 * RNG(7).normal(size=(2000, 12))
    sure, unsure = agreement_of(x, y, draws=2000), agreement_of(x, y, drawn=drawn)
    assert unsure.low < sure.low


def test_the_same_models_are_drawn_for_all_proxies() -> None:
    x, y = pair(RNG(8), 10, 0.5)
    taus = resampled_taus(np.stack([x, x]), y, draws=50)
    assert np.array_equal(taus[:, 0], taus[:, 1], equal_nan=True)


def test_recall() -> None:
    assert top_recall([1, 2, 3, 4, 5, 6], [6, 1, 2, 3, 4, 5], 3) == pytest.approx(2 / 3)
    found = agreement_of(np.arange(9), np.arange(9))
    assert (found.recall, found.top) == (1, 3)


@pytest.mark.parametrize(
    ("proxy", "full", "words"),
    [
        ([1, 2, 3], [1, 2, 3], "3 models have a score by proxy and in full"),
        ([1, 2, 3, 4], [1, 2, 3], "proxy: 4 models, but 3 in full"),
        ([1, 1, 1, 1, 1], [1, 2, 3, 4, 5], "all scores are the same"),
        ([1, 2, np.nan, np.nan], [1, 2, 3, 4], "2 models have a score"),
    ],
)
def test_bad_input_is_said(proxy, full, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigurationError, match=words):
        agreement_of(proxy, full)
