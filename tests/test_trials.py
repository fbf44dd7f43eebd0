"""The history as a value, and the JSON forms of outcomes."""

from __future__ import annotations

import dataclasses
import json
import math
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raynas.trials import (
    BOUND,
    Completed,
    Failed,
    History,
    Infeasible,
    Measurement,
    Outcome,
    Point,
    Stopped,
    Trial,
    measurement_from_json,
    outcome_from_json,
    outcome_to_json,
)

metrics = st.dictionaries(st.text(max_size=3), st.floats(), max_size=3)
measurements = st.builds(
    Measurement,
    metrics=metrics,
    seconds=st.floats(0, 1e6),
    steps=st.none() | st.integers(0, 10**6),
    curve=st.lists(st.builds(Point, st.integers(0, 100), metrics), max_size=3).map(tuple),
)
outcomes = (
    st.builds(Completed, measurements, st.floats(allow_nan=False, allow_infinity=False))
    | st.builds(Infeasible, st.text(max_size=5), st.none() | measurements)
    | st.builds(Failed, st.text(max_size=5))
    | st.builds(
        Stopped,
        st.text(st.characters(exclude_characters="\0"), max_size=5),
        st.none() | measurements,
    )
)


def completed(reward: float) -> Completed:
    return Completed(Measurement({"reward": reward}), reward)


def history_of(*ends: Outcome | None) -> History:
    return History(tuple(Trial(number, f"net {number}", end) for number, end in enumerate(ends)))


MIXED = history_of(
    completed(1.0), None, Failed("x"), completed(3.0), Infeasible("y"), Stopped("z"), completed(3.0)
)


def numbers(trials: Any) -> list[int]:
    return [trial.number for trial in trials]


@given(outcomes)
def test_outcomes_survive_json(outcome: Outcome) -> None:
    """Also with NaN and infinite metrics, and through the text form."""
    back = outcome_from_json(json.loads(json.dumps(outcome_to_json(outcome))))
    assert type(back) is type(outcome)
    assert repr(back) == repr(outcome)


def test_unknown_keys_of_a_stored_measurement_are_ignored() -> None:
    """So that an older raynas reads what a newer one wrote."""
    data = {**dataclasses.asdict(Measurement({"a": 1.0}, 2.0, 3)), "watts": 4}
    assert measurement_from_json(data) == Measurement({"a": 1.0}, 2.0, 3)


def test_metrics_become_plain_floats() -> None:
    """NumPy's numbers would not go into JSON."""
    given_metrics = MappingProxyType({"a": np.float32(0.5), "b": 1})
    for value in (Measurement(given_metrics), Point(1, given_metrics)):
        assert value.metrics == {"a": 0.5, "b": 1.0}
        assert {type(number) for number in value.metrics.values()} == {float}


def test_a_measurement_keeps_no_hold_of_the_given_dict() -> None:
    given_metrics = {"a": 1.0}
    measurement = Measurement(given_metrics)
    given_metrics["a"] = math.nan
    assert measurement == Measurement({"a": 1.0})


def test_views_are_in_ask_order() -> None:
    assert numbers(MIXED.ended) == [0, 2, 3, 4, 5, 6]
    assert numbers(MIXED.running) == [1]
    assert numbers(MIXED.completed) == [0, 3, 6]
    assert numbers(MIXED.unrewarded) == [2, 4]
    assert MIXED.rewards == (1.0, 3.0, 3.0)
    assert MIXED.architectures == {f"net {number}" for number in range(7)}


def test_an_empty_history_has_empty_views() -> None:
    empty = History()
    assert len(empty) == 0
    assert empty.best(3) == empty.ended == empty.running == empty.completed == empty.rewards == ()


def test_the_best_come_first_and_earlier_ones_at_ties() -> None:
    assert numbers(MIXED.best(2)) == [3, 6]
    assert numbers(MIXED.best(10)) == [3, 6, 0]


def test_trials_since_the_best_are_counted_from_the_first_of_equals() -> None:
    assert MIXED.since_best == 1
    assert history_of(completed(2.0), None, completed(1.0), completed(0.0)).since_best == 2
    assert History().since_best == 0


def test_a_history_is_a_sequence() -> None:
    assert MIXED[3].reward == 3.0
    assert MIXED[-1] in MIXED
    assert numbers(MIXED[1:3]) == [1, 2]
    assert numbers(MIXED) == list(range(7))


def test_changes_return_a_new_history() -> None:
    before = history_of(None)
    before.running  # noqa: B018 - fills the cache that must not leak into the copy
    told = before.told(0, completed(1.0), ended=5.0)
    asked = told.asked(Trial(1, "net 1", started=6.0))
    restarted = asked.restarted(1, started=7.0)
    assert before == history_of(None)
    assert numbers(told.running) == []
    assert (told[0].outcome, told[0].ended) == (completed(1.0), 5.0)
    assert asked[1].started == 6.0
    assert restarted[1].started == 7.0
    assert restarted[1].outcome is None


def test_a_history_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'trials'"):
        MIXED.trials = ()  # type: ignore[misc]


def test_trials_are_asked_in_order() -> None:
    with pytest.raises(ValueError, match="trial number 2 does not follow 0"):
        history_of(None).asked(Trial(2, "net 2"))


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (None, None),
        (completed(1.0), None),
        (Infeasible("too large"), "too large"),
        (Failed("Traceback:\n  line 3\nValueError: no\n"), "ValueError: no"),
        (Failed(" \n"), "unknown error"),
        (Stopped("median"), "stopped by median"),
    ],
)
def test_the_reason_for_no_reward_is_one_line(outcome: Outcome | None, reason: str | None) -> None:
    assert Trial(0, "net", outcome).reason == reason


def test_only_completed_trials_have_a_reward() -> None:
    assert [trial.reward for trial in MIXED] == [1.0, None, None, 3.0, None, None, 3.0]


def test_views_carried_over_equal_those_computed_afresh() -> None:
    rng = np.random.default_rng(0)
    outcomes = (
        Completed(Measurement({}), 0.5),
        Failed("broke"),
        Infeasible("too large"),
        Stopped("a rule"),
    )
    views = (
        *("ended", "running", "completed", "unrewarded", "stopped", "rewards", "architectures"),
        *("first_start", "seconds", "completed_by_end"),
    )
    history = History()
    for step in range(200):
        for name in views:
            getattr(history, name)
        if history.running and rng.random() < 0.4:
            trial = history.running[rng.integers(len(history.running))]
            history = history.told(trial.number, outcomes[rng.integers(4)], float(step))
        elif history.running and rng.random() < 0.2:
            history = history.restarted(history.running[0].number, float(step))
        else:
            trial = Trial(len(history), int(rng.integers(50)), started=float(step))
            history = history.asked(trial)
        afresh = History(history.trials)
        assert [getattr(history, name) for name in views] == [
            getattr(afresh, name) for name in views
        ]


def test_those_that_ended_first_stay_the_first_whatever_was_asked_before() -> None:
    history = History([Trial(number, number) for number in range(6)])
    ended = [4, 1, 5, 0]
    for at, number in enumerate(ended, 1):
        before = history.completed_by_end
        history = history.told(number, Completed(Measurement({}), 1.0), float(at))
        assert history.completed_by_end[: len(before)] == tuple(before)
        assert [trial.number for trial in history.completed_by_end] == ended[:at]
        assert history.completed_by_end == History(history.trials).completed_by_end
    late = history.told(2, Completed(Measurement({}), 1.0), 2.5)  # a clock was set back
    assert [trial.number for trial in late.completed_by_end] == [4, 1, 2, 5, 0]


def test_trials_outside_a_bound_have_views_of_their_own_and_survive_storage() -> None:
    """They are no failures, and old outcomes are written as they were."""
    outside = Infeasible("too slow", Measurement({"s": 2.0}), BOUND)
    outcomes = [outside, Infeasible("NaN"), Failed("boom"), Completed(Measurement({}), 1.0)]
    history = History()
    for number, outcome in enumerate(outcomes):
        history = history.asked(Trial(number, number))
        assert [t.number for t in history.outside] == [0] * bool(number)
        history = history.told(number, outcome, 1.0)
    assert [t.number for t in history.outside] == [0]
    assert [t.number for t in history.failures] == [1, 2]
    assert [t.number for t in history.unrewarded] == [0, 1, 2]
    for outcome in outcomes:
        assert outcome_from_json(json.loads(json.dumps(outcome_to_json(outcome)))) == outcome
    assert outcome_to_json(Infeasible("NaN")) == {
        "kind": "infeasible",
        "reason": "NaN",
        "measurement": None,
    }


def test_rewards_are_compared_within_the_budget_of_most_trials() -> None:
    budgets = (0.25, 0.25, 1.0, 0.25)
    history = History(
        tuple(
            Trial(
                number, f"net {number}", None if number == 3 else completed(float(number)), budget=b
            )
            for number, b in enumerate(budgets)
        )
    )
    assert numbers(history.comparable) == [0, 1, 3]
    assert history.comparable.rewards == (0.0, 1.0)
    assert history.comparable.comparable is history.comparable
    assert MIXED.comparable is MIXED
    assert History().comparable == History()
