"""Rules made of rules, and rules along a history."""

from __future__ import annotations

import pytest

from raynas.errors import ConfigurationError
from raynas.stopping import (
    AllOf,
    AnyOf,
    FailedLimit,
    Patience,
    StopRule,
    TrialLimit,
    along,
    as_of,
    warnings_of,
)
from raynas.trials import Completed, Failed, History, Measurement, Stop, Trial

GOOD = Completed(Measurement({}), 1.0)


def history_of(good: int, bad: int = 0) -> History:
    ends = [GOOD] * good + [Failed("x")] * bad
    return History(tuple(Trial(n, n, end, float(n), n + 1.0) for n, end in enumerate(ends)))


class LastIsBad(StopRule):
    """Stops when the trial that ended last failed."""

    def check(self, history: History, now: float) -> Stop | None:
        last = max(history.ended, key=lambda trial: trial.ended or 0.0)
        return Stop("bad", "the last failed", "x") if isinstance(last.outcome, Failed) else None

    def state(self, history: History, now: float) -> str:
        return "last"


def test_any_of_stops_for_the_first_reason() -> None:
    rule = AnyOf(FailedLimit(2), TrialLimit(4))
    assert rule.check(history_of(2, 1), 0.0) is None
    assert rule.progress(history_of(2, 1), 0.0) == 0.75
    stop = rule.check(history_of(3, 2), 0.0)
    assert stop is not None
    assert stop.rule == "failed limit"
    assert rule.state(history_of(3), 0.0) == "failed 0 of 2 or trials 3 of 4"


def test_all_of_needs_every_reason_and_gives_them_all() -> None:
    rule = AllOf(FailedLimit(2), TrialLimit(4))
    assert rule.check(history_of(9, 1), 0.0) is None
    assert rule.progress(history_of(9, 1), 0.0) == 0.5
    stop = rule.check(history_of(3, 2), 0.0)
    assert stop is not None
    assert stop.rule == "failed limit and trial limit"
    assert "the limit is 2. 5 trials ended; the limit is 4." in stop.reason
    assert rule.state(history_of(3), 0.0) == "failed 0 of 2 and trials 3 of 4"


def test_patience_waits_for_the_reason_to_last() -> None:
    rule = Patience(LastIsBad(), 3)
    assert rule.check(history_of(4, 2), 0.0) is None
    assert rule.progress(history_of(4, 2), 0.0) == pytest.approx(2 / 3)
    warning = rule.warn(history_of(4, 2), 0.0)
    assert warning is not None
    assert warning.reason == "the last failed"
    stop = rule.check(history_of(4, 3), 0.0)
    assert stop is not None
    assert stop.reason == "The last failed. It was so after each of the last 3 trials."


def test_warnings_of_several_rules() -> None:
    assert [w.rule for w in warnings_of([TrialLimit(10), FailedLimit(3)], history_of(9), 0.0)] == [
        "limit"
    ]


def test_as_of_forgets_what_came_later() -> None:
    history = History(
        (
            Trial(0, "a", GOOD, started=0.0, ended=9.0),
            Trial(1, "b", GOOD, started=1.0, ended=2.0),
            Trial(2, "c", GOOD, started=5.0, ended=6.0),
        )
    )
    then = as_of(history, 3.0)
    assert [trial.architecture for trial in then] == ["a", "b"]
    assert [trial.architecture for trial in then.ended] == ["b"]
    assert as_of(history, 9.0) == history
    assert len(as_of(history, -1.0)) == 0


def test_along_gives_the_states_in_the_order_of_ends() -> None:
    moments = along([TrialLimit(8)], history_of(8), points=4)
    assert [moment.ended for moment in moments] == [2, 4, 6, 8]
    assert [moment.progress for moment in moments] == [(0.25,), (0.5,), (0.75,), (1.0,)]
    assert moments[1].states == ("trials 4 of 8",)
    assert [moment.stops[0] is not None for moment in moments] == [False, False, False, True]
    assert along([TrialLimit(8)], History()) == []


@pytest.mark.parametrize("combine", [AnyOf, AllOf])
def test_something_else_than_rules_is_refused(combine: type[AnyOf] | type[AllOf]) -> None:
    with pytest.raises(ConfigurationError, match=r"\(\): give at least one rule"):
        combine()
    with pytest.raises(ConfigurationError, match="only raynas StopRules"):
        combine("rule")  # type: ignore[arg-type]


def test_patience_is_checked() -> None:
    with pytest.raises(ConfigurationError, match="trials=0: must be a whole number from 1 on"):
        Patience(TrialLimit(1), 0)
    with pytest.raises(ConfigurationError, match="must be a raynas StopRule"):
        Patience("rule", 1)  # type: ignore[arg-type]
