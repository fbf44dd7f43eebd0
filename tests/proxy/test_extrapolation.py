from __future__ import annotations

import numpy as np
import pytest

from raynas.errors import ConfigurationError
from raynas.proxy import extrapolate


def models(rng: np.random.Generator, count: int = 10, known: int = 6):  # type: ignore[no-untyped-def]
    """Early and final log-odds on a line with noise, as accuracies; and the final ones hidden."""
    early = rng.normal(1.0, 1.0, size=count)
    final = 1 + 0.8 * early + 0.3 * rng.normal(size=count)
    early, final = 1 / (1 + np.exp(-early)), 1 / (1 + np.exp(-final))
    hidden = final.copy()
    hidden[known:] = np.nan
    return early, hidden, final


def test_prediction_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(400):
        early, hidden, final = models(rng)
        found = extrapolate(early, hidden)
        hits += ((found.low <= final) & (final <= found.high))[6:].tolist()
    assert np.mean(hits) == pytest.approx(0.95, abs=0.015)


def test_draws_spread_as_the_intervals_do_and_keep_what_is_known() -> None:
    early, hidden, _ = models(np.random.default_rng(1))
    found = extrapolate(early, hidden)
    draws = found.draws(20_000)
    assert (draws[:, :6] == hidden[:6]).all()
    low, middle, high = np.quantile(draws[:, 6:], [0.025, 0.5, 0.975], axis=0)
    assert low == pytest.approx(found.low[6:], abs=0.02)
    assert middle == pytest.approx(found.scores[6:], abs=0.02)
    assert high == pytest.approx(found.high[6:], abs=0.02)


def test_scores_that_are_no_shares_are_taken_as_they_are() -> None:
    early = np.array([1.0, 2, 3, 4, 5])
    found = extrapolate(early, [-2.0, -4, -6, -8, np.nan])
    assert found.scores[4] == pytest.approx(-10)
    assert found.off == pytest.approx(0, abs=1e-9)


def test_an_accuracy_stays_one() -> None:
    found = extrapolate([0.5, 0.7, 0.8, 0.9, 1.0], [0.8, 0.9, 0.95, 0.99, np.nan])
    assert 0.99 < found.scores[4] <= found.high[4] <= 1


def test_all_known_foretells_nothing() -> None:
    found = extrapolate([1.0, 2, 3, 4], [1.0, 2, 4, 3])
    assert (found.draws(3) == found.scores).all()


@pytest.mark.parametrize(
    ("early", "final", "words"),
    [
        ([1, 2, 3, 4, 5], [1, 2, 3, np.nan, np.nan], "3 models are trained in full"),
        ([1, 1, 1, 1, 2], [1, 2, 3, 4, np.nan], "all the same score"),
        ([1, np.nan, 3, 4, 5], [1, 2, 3, 4, 5], "a finite score for each model"),
    ],
)
def test_bad_input_is_said(early, final, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigurationError, match=words):
        extrapolate(early, final)
