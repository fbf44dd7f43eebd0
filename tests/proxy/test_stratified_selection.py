from __future__ import annotations

import numpy as np
import pytest

from raynas.errors import ConfigurationError
from raynas.proxy import cost_of_rounds, rounds_of, spread_out


def least_distance(points: np.ndarray) -> float:
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    return float(distances[np.triu_indices(len(points), 1)].min())


def test_what_is_kept_is_spread_more_evenly_than_random_models() -> None:
    rng = np.random.default_rng(0)
    points = np.stack([rng.beta(8, 2, size=30), rng.lognormal(size=30)], axis=1)
    scaled = np.stack([points[:, 0], np.log(points[:, 1])], axis=1)
    scaled = (scaled - scaled.min(axis=0)) / np.ptp(scaled, axis=0)
    kept = spread_out(points[:, 0].tolist(), points[:, 1].tolist(), 10)
    by_chance = [least_distance(scaled[rng.choice(30, 10, replace=False)]) for _ in range(500)]
    assert least_distance(scaled[kept]) > np.quantile(by_chance, 0.99)


def test_the_outermost_stay() -> None:
    scores = [0.1, 0.5, 0.51, 0.52, 0.53, 0.9]
    kept = spread_out(scores, [1.0] * 6, 3)
    assert {0, 5} < set(kept)


def test_twins_lose_one() -> None:
    assert len(set(spread_out([0.5, 0.5, 0.9], [10, 10, 20], 2)) & {0, 1}) == 1


def test_enough_is_enough() -> None:
    assert spread_out([1, 2], [1, 2], 5) == [0, 1]
    assert spread_out([1, 1, 1], [1, 1, 1], 2) in ([0, 1], [0, 2], [1, 2])


def test_rounds_cost_well_under_twelve_full_trainings() -> None:
    rounds = rounds_of()
    assert [each.models for each in rounds] == [30, 17, 10, 6]
    assert cost_of_rounds(rounds) < 8.4


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rounds_of(5, 10, 4), "candidates=5, models=10, full=4: must fall"),
        (lambda: rounds_of(30, 10, 2), "the last being 4 at least"),
        (lambda: spread_out([1.0, np.nan], [1, 1], 1), "must be finite"),
        (lambda: spread_out([1.0, 2.0], [1, 0], 1), "must be above 0"),
    ],
)
def test_bad_input_is_said(call, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigurationError, match=words):
        call()
