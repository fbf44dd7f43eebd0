from __future__ import annotations

import math

import numpy as np
import pytest

from raynas.errors import ConfigurationError
from raynas.proxy import Goal, Reading, best_of, early_rejection, readings_of
from raynas.proxy.selection import likeliest_of, most_possible, why_ended

GOAL = Goal(tau=0.65, confidence=0.9, most=1 / 30)


def reading(step: float, cost: float, tau: float, low: float, **changes: object) -> Reading:
    values = {"candidate": "a", "recall": 1.0, "valid": 10, "models": 10, **changes}
    return Reading(step=step, cost=cost, tau=tau, low=low, **values)  # type: ignore[arg-type]


def test_the_cheapest_that_is_sure_is_taken_whatever_looks_better() -> None:
    a = [reading(10, 0.01, 0.9, 0.5), reading(20, 0.02, 0.95, 0.7)]
    b = [reading(10, 0.015, 0.8, 0.66, candidate="b")]
    best = best_of([*a, *b], GOAL)
    assert best is not None
    assert best.candidate == "b"


def test_where_none_is_sure_the_surest_of_the_latest_is_taken() -> None:
    a = [reading(10, 0.01, 0.7, 0.4), reading(20, 0.02, 0.68, 0.3), reading(30, 0.03, 0.6, 0.5)]
    b = [reading(10, 0.015, 0.66, 0.31, candidate="b"), reading(40, 0.04, 0.9, 0.6, candidate="b")]
    assert best_of([*a, *b], GOAL) is None
    likely = likeliest_of([*a, *b], GOAL)
    assert likely is not None
    assert (likely.candidate, likely.step) == ("b", 10)
    assert likeliest_of([reading(10, 0.01, 0.6, 0.5)], GOAL) is None


def test_the_step_is_interpolated() -> None:
    own = [reading(100, 0.01, 0.7, 0.45), reading(200, 0.02, 0.9, 0.85)]
    best = best_of(own, GOAL)
    assert best is not None
    assert (best.step, best.low, best.cost) == (150, pytest.approx(0.65), pytest.approx(0.015))


def test_a_reading_over_the_cost_or_with_too_few_models_is_not_taken() -> None:
    assert best_of([reading(10, 0.04, 0.9, 0.9)], GOAL) is None
    assert best_of([reading(10, 0.01, 0.9, 0.9, valid=6)], GOAL) is None
    assert best_of([reading(10, 0.01, 0.9, 0.9, valid=4, models=5)], GOAL) is None
    assert best_of([], GOAL) is None


def test_readings_of_a_run_know_their_tau_and_bound() -> None:
    full = np.arange(12.0)
    rng = np.random.default_rng(0)
    scores = np.stack([full + noise * rng.normal(size=12) for noise in (30, 0.1)])
    scores[1, 0] = np.nan
    first, second = readings_of("a", [5, 10], scores, [0.01, 0.02], full, GOAL, planned=3)
    assert first.tau < second.tau
    assert (second.valid, second.models, second.recall) == (11, 12, 1)
    assert -1 <= first.low < first.tau
    assert 0.4 < second.low < 1


def test_more_planned_candidates_lower_the_bounds() -> None:
    full, scores = np.arange(15.0), np.arange(15.0)[None] + np.array([0, 3] * 8)[:15]
    lows = [readings_of("a", [1], scores, [0.1], full, GOAL, planned=k)[0].low for k in (1, 10)]
    assert lows[1] < lows[0]


def test_a_candidate_is_rejected_early() -> None:
    full = np.arange(6.0)
    none = np.full((2, 6), np.nan)
    assert early_rejection(none, full, [0.01, 0.02], 0, GOAL) is None
    dear = early_rejection(none, full, [0.04, 0.08], 0, GOAL)
    assert dear == "costs more than the limit: 0.0400 of 0.0333 full trainings"
    second = early_rejection(none, full, [0.02, 0.04], 0, GOAL, best=0.01)
    assert second == "costs more than the best so far: 0.0200 of 0.0100 full trainings"
    assert early_rejection(none, full, [0.01, 0.02], 2, GOAL) == "no score for 2 of 6 models"
    hopeless = none.copy()
    hopeless[:, :4] = [3, 2, 1, 0]
    said = early_rejection(hopeless, full, [0.01, 0.02], 0, GOAL)
    assert said == "cannot reach tau 0.65 any more: 0.20 at most"


def test_what_is_too_dear_cannot_save_a_candidate() -> None:
    full = np.arange(6.0)
    cells = np.array([[3, 2, 1, 0, np.nan, np.nan], np.full(6, np.nan)])
    assert early_rejection(cells, full, [0.01, 0.05], 0, GOAL) is not None
    assert early_rejection(cells, full, [0.01, 0.03], 0, GOAL) is None


def test_the_largest_tau_possible_is_reached_by_what_comes_in_line() -> None:
    full = np.arange(6.0)
    scores = np.array([1, 0, 2, np.nan, np.nan, np.nan])
    assert most_possible(scores, full) == pytest.approx(13 / 15)
    done = np.array([1, 0, 2, 3, 4, 5.0])
    assert most_possible(done, full) == pytest.approx(13 / 15)
    assert most_possible(np.full(6, np.nan), full) == 1


def test_words_for_what_became_of_a_candidate() -> None:
    assert why_ended([reading(10, 0.01, 0.9, 0.7)], GOAL).startswith("good enough at step 10")
    assert "at least 0.50" in why_ended([reading(10, 0.01, 0.9, 0.5)], GOAL)
    assert "the best is 0.30" in why_ended([reading(10, 0.01, 0.3, 0.0)], GOAL)
    assert "over the limit" in why_ended([reading(10, 0.1, 0.9, 0.9)], GOAL)
    dear = why_ended([reading(10, 0.01, 0.9, 0.7)], GOAL, best=0.005)
    assert "more than the best so far" in dear


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Goal(tau=1.2), "goal tau=1.2: must be above 0 and below 1"),
        (lambda: Goal(confidence=0), "goal confidence=0: must be"),
        (lambda: Goal(most=math.nan), "goal most=nan"),
        (lambda: Goal(models=2), "goal models=2: must be at least 5"),
        (
            lambda: readings_of("a", [1], [[1, 2, 3, 4]], [0.1], [1, 2, 3, 4], GOAL, planned=0),
            "planned=0: must be at least 1",
        ),
    ],
)
def test_bad_input_is_said(call, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigurationError, match=words):
        call()
