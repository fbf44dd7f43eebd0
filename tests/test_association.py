"""Noise is told from what matters."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from raynas.association import LEVEL, NONE, _rarity, average_ranks, chances, contemporaries


def test_noise_is_seldom_taken_for_more() -> None:
    """With options as rare as a search makes them; 1 in 100 is what the level allows."""
    rng = np.random.default_rng(0)
    found = 0
    for seed in range(100):
        shares = [rng.dirichlet(np.ones(options)) for options in (2, 3, 4, 6, 7, 2, 3, 5)]
        codes = np.stack([rng.choice(len(share), 31, p=share) for share in shares], axis=1)
        found += bool((chances(codes, rng.normal(size=31), seed=seed) < LEVEL).any())
    assert found <= 5


def test_what_matters_is_found_beside_what_does_not_and_where_it_is_inactive() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, size=(60, 4))
    values = codes[:, 0] + rng.normal(scale=0.3, size=60)
    codes[:20, 0] = NONE
    found = chances(codes, values)
    assert found[0] < LEVEL
    assert (found[1:] > LEVEL).all()


def test_many_choices_do_not_hide_a_strong_one() -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 4, size=(100, 80))
    assert chances(codes, codes[:, 7] * 1.0)[7] < LEVEL


def test_a_choice_that_only_became_more_frequent_is_compared_with_its_contemporaries() -> None:
    """Everything got better over time, and so did the share of an option that does nothing."""
    rng = np.random.default_rng(3)
    time = np.arange(400) / 400
    codes = (rng.random((400, 1)) < time[:, None]).astype(np.int64)
    values = 3 * time + rng.normal(scale=0.5, size=400)
    assert chances(codes, values)[0] < LEVEL
    assert chances(codes, values, contemporaries(400))[0] > LEVEL


def test_nothing_differs_and_nothing_is_there() -> None:
    assert list(chances(np.zeros((9, 1), dtype=np.int64), np.arange(9.0))) == [1.0]
    assert list(chances(np.zeros((9, 0), dtype=np.int64), np.arange(9.0))) == []


@given(st.lists(st.integers(-3, 3) | st.floats(allow_nan=False)))
def test_ranks_are_those_of_scipy(values: list[float]) -> None:
    assert average_ranks(np.array(values, float)).tolist() == stats.rankdata(values).tolist()


@given(st.integers(1, 12), st.integers(0, 99))
def test_rarity_is_about_the_standard_score_of_scipys_gamma_distribution(
    freedom: int, seed: int
) -> None:
    values = np.random.default_rng(seed).chisquare(freedom, 200)
    shape, scale = values.mean() ** 2 / values.var(), values.var() / values.mean()
    upper = values > np.median(values)
    expected = stats.norm.isf(stats.gamma.sf(values, shape, scale=scale))
    assert np.allclose(_rarity(values)[upper], expected[upper], rtol=0, atol=0.15)
    assert (np.argsort(_rarity(values)) == np.argsort(values)).all()
