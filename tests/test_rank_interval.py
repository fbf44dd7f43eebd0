"""The interval of Kendall's tau holds for a handful."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from raynas.rank_interval import FEWEST, chance_of_agreement, tau_interval


@pytest.mark.parametrize(("count", "correlation"), [(5, 0.0), (5, 0.95), (8, 0.8), (15, 0.5)])
def test_it_covers_the_truth(count: int, correlation: float) -> None:
    truth = 2 / math.pi * math.asin(correlation)
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        x = rng.normal(size=count)
        y = correlation * x + math.sqrt(1 - correlation**2) * rng.normal(size=count)
        low, high = tau_interval(float(stats.kendalltau(x, y).statistic), count)
        hits += low <= truth <= high
    assert hits / 300 >= 0.93


@pytest.mark.parametrize("count", range(2, 40))
def test_it_never_has_the_width_of_zero(count: int) -> None:
    for tau in (-1.0, 0.0, 0.4, 1.0):
        low, high = tau_interval(tau, count)
        assert -1 <= low <= tau <= high <= 1
        assert high - low > 0.05


def test_fewer_than_the_fewest_say_nothing_as_the_exact_test_has_it() -> None:
    ranks = list(range(FEWEST))
    assert stats.kendalltau(ranks, ranks).pvalue == pytest.approx(chance_of_agreement(FEWEST))
    assert chance_of_agreement(FEWEST) < 0.05 < chance_of_agreement(FEWEST - 1)
    assert tau_interval(1.0, FEWEST)[0] > 0 > tau_interval(1.0, FEWEST - 1)[0]
