"""SpaceExhausted: stops when each architecture was tried to its end."""

from __future__ import annotations

from raynas.stopping import SpaceExhausted
from raynas.trials import Completed, Failed, History, Measurement, Outcome, Trial

GOOD = Completed(Measurement({"reward": 1.0}), 1.0)
RULE = SpaceExhausted(3)


def test_every_end_counts_as_tried() -> None:
    ends: tuple[Outcome, ...] = (GOOD, Failed("x"), GOOD)
    history = History(tuple(Trial(number, number, end) for number, end in enumerate(ends)))
    stop = RULE.check(history, 0.0)
    assert stop is not None
    assert stop.rule == "space exhausted"
    assert stop.reason == "All 3 architectures of the space were tried."
    assert "larger space" in stop.advice


def test_running_trials_are_waited_for() -> None:
    history = History((Trial(0, "a", GOOD), Trial(1, "b", GOOD), Trial(2, "c")))
    assert RULE.check(history, 0.0) is None
    assert RULE.state(history, 0.0) == "space 100.0% tried"


def test_repetitions_do_not_exhaust() -> None:
    tried = tuple(Trial(number, name, GOOD) for number, name in enumerate("aabb"))
    assert RULE.check(History(tried), 0.0) is None
    assert RULE.check(History((*tried, Trial(4, "c"))), 0.0) is None
    assert RULE.check(History((*tried, Trial(4, "c", GOOD))), 0.0) is not None


def test_nothing_tried_yet() -> None:
    assert RULE.check(History(), 0.0) is None
    assert RULE.state(History(), 0.0) == "space 0.0% tried"
