"""What is new in a later history."""

from __future__ import annotations

from raynas.controllers.history_increment import news
from raynas.trials import Failed, History, Trial

HISTORY = History((Trial(0, "a"), Trial(1, "b"), Trial(2, "c", Failed("x"))))


def test_asked_and_ended_trials_are_new() -> None:
    after = HISTORY.told(1, Failed("y"), 1.0).asked(Trial(3, "d"))
    assert news(HISTORY.trials, after.trials) == [after[1], after[3]]
    assert news((), HISTORY.trials) == list(HISTORY)
    assert news(HISTORY.trials, HISTORY.trials) == []


def test_a_restart_is_nothing_new() -> None:
    assert news(HISTORY.trials, HISTORY.restarted(0, 5.0).trials) == []


def test_another_or_an_earlier_history_does_not_follow() -> None:
    assert news(HISTORY.trials, HISTORY.trials[:2]) is None
    assert news(HISTORY.trials, (Trial(0, "z"), *HISTORY.trials[1:])) is None
    assert news(HISTORY.trials, (*HISTORY.trials[:2], Trial(2, "c"))) is None
    assert news(HISTORY.trials, (*HISTORY.trials[:2], Trial(2, "c", Failed("other")))) is None
