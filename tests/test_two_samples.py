"""Two-sample tests against those of SciPy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from raynas.two_samples import chance_of_higher, chance_of_more, chance_of_spreads

FIGURES = st.one_of(
    st.integers(-3, 3).map(float),  # with ties
    st.floats(-1e6, 1e6).map(lambda value: round(value, 6)),
)
SAMPLES = st.lists(FIGURES, min_size=1, max_size=40).map(np.array)


@given(SAMPLES, SAMPLES)
def test_the_rank_test_is_scipys(one: np.ndarray, other: np.ndarray) -> None:
    expected = stats.mannwhitneyu(one, other, alternative="greater").pvalue
    assert chance_of_higher(one, other) == pytest.approx(expected, rel=1e-12)


@given(SAMPLES, SAMPLES)
def test_the_test_of_spreads_is_scipys(one: np.ndarray, other: np.ndarray) -> None:
    if len(one) + len(other) < 3:
        return
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        expected = stats.levene(one, other, center="median").pvalue
    assert chance_of_spreads(one, other) == pytest.approx(expected, rel=1e-9, nan_ok=True)


@given(st.data())
def test_the_exact_test_of_shares_is_scipys(data: st.DataObject) -> None:
    drawn, others = (data.draw(st.integers(0, 300)) for _ in range(2))
    count, rest = data.draw(st.integers(0, drawn)), data.draw(st.integers(0, others))
    table = [[count, rest], [drawn - count, others - rest]]
    expected = stats.fisher_exact(np.array(table), alternative="greater").pvalue
    assert chance_of_more((count, drawn), (rest, others)) == pytest.approx(expected, rel=1e-9)
