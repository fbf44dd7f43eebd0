"""What was reported becomes an outcome, and a changed reward rates it anew."""

from __future__ import annotations

import math
from typing import Any

import pytest

from raynas.errors import ConfigurationError
from raynas.rewards import AtMost, Constrained, Metric, Pareto, outcome_of, rejudged
from raynas.trials import (
    BOUND,
    Completed,
    Failed,
    History,
    Infeasible,
    Measurement,
    Outcome,
    Stopped,
    Trial,
)

LOSS = Metric("loss", "min")
BOTH = Pareto(Metric("accuracy"), Metric("latency", "min"))
MEASURED = Measurement({"loss": 0.5, "size": 3.0})


@pytest.mark.parametrize("ended", [Failed("x"), Stopped("asha"), Infeasible("too large")])
def test_ends_without_a_reward_stay(ended: Outcome) -> None:
    assert outcome_of(ended, LOSS) is ended


def test_numbers_are_objectives_and_figures_in_the_users_direction() -> None:
    assert outcome_of(-0.5, LOSS) == Completed(Measurement({"loss": 0.5}), -0.5)
    both = outcome_of((0.9, -2), BOTH)
    assert both == Completed(Measurement({"accuracy": 0.9, "latency": 2.0}), 0.9, (0.9, -2.0))


def test_a_measurement_beside_the_reward_is_kept() -> None:
    assert outcome_of(Completed(MEASURED, -0.5), LOSS) == Completed(MEASURED, -0.5)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_infeasible(value: float) -> None:
    found = outcome_of(value, LOSS)
    assert isinstance(found, Infeasible)
    assert found.reason.startswith("loss is ")


@pytest.mark.parametrize("result", ["0.9", True, None, (1.0, 2.0), ()])
def test_what_is_no_number_is_refused(result: Any) -> None:
    with pytest.raises(ConfigurationError, match="give a number, a Measurement or an outcome"):
        outcome_of(result, LOSS)


def test_too_few_objectives_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="give a tuple of 2 numbers, a Measurement or"):
        outcome_of(0.9, BOTH)


def test_a_changed_reward_rates_only_what_is_older_and_measured() -> None:
    ends: list[Outcome] = [
        Completed(MEASURED, 9.0),
        Infeasible("size is 3, over its limit of 2", MEASURED, BOUND),
        Infeasible("no memory"),
        Failed("x"),
        Completed(MEASURED, 9.0),
    ]
    history = History(tuple(Trial(number, number, end) for number, end in enumerate(ends)))
    found = [trial.outcome for trial in rejudged(history, LOSS, 4)]
    assert found == [Completed(MEASURED, -0.5), Completed(MEASURED, -0.5), *ends[2:]]
    assert rejudged(history, LOSS, 0).shown_as == LOSS.shown_as


def test_what_a_bound_of_the_task_kept_from_training_stays_outside() -> None:
    """It was never trained: it lacks the metric, and not for a bound of the new reward."""
    outside = Infeasible("size is 3, over its limit of 2", Measurement({"size": 3.0}), BOUND)
    history = History((Trial(0, 0, outside),))
    assert rejudged(history, LOSS, 1)[0].outcome == outside


def test_a_bound_of_the_new_reward_is_named() -> None:
    history = History((Trial(0, 0, Completed(MEASURED, -0.5)),))
    bounded = Constrained(LOSS, (AtMost("size", 2),))
    judged = rejudged(history, bounded, 1)[0].outcome
    assert isinstance(judged, Infeasible)
    assert judged.kind == BOUND
    assert judged.reason == "size is 3, over its limit of 2"
