"""Limits on trials, failures and time."""

from __future__ import annotations

import pytest

from raynas.errors import ConfigurationError
from raynas.stopping import (
    DeviceTimeLimit,
    FailedLimit,
    MoneyLimit,
    StopRule,
    TimeLimit,
    TrialLimit,
)
from raynas.stopping.budgets import active_seconds
from raynas.trials import (
    Completed,
    Failed,
    History,
    Infeasible,
    Measurement,
    Outcome,
    Stopped,
    Trial,
)

GOOD = Completed(Measurement({"reward": 1.0}), 1.0)
HOUR = 3600.0


def history_of(*ends: Outcome | None) -> History:
    return History(tuple(Trial(number, None, end) for number, end in enumerate(ends)))


def timed(*spans: tuple[float, float | None]) -> History:
    """A history of trials that ran from one time to another; None: still running."""
    return History(
        tuple(
            Trial(number, None, None if end is None else GOOD, start, end)
            for number, (start, end) in enumerate(spans)
        )
    )


def test_the_trial_limit_counts_every_end() -> None:
    ends = (GOOD, Failed("x"), Infeasible("y"), Stopped("z"))
    stop = TrialLimit(4).check(history_of(*ends), 0.0)
    assert stop is not None
    assert (stop.rule, stop.reason) == ("trial limit", "4 trials ended; the limit is 4.")
    assert stop.advice == "To go on: `raynas search FILE --trials 8`."
    assert TrialLimit(4).check(history_of(*ends[:3], None, None), 0.0) is None
    assert TrialLimit(4).state(history_of(*ends[:3], None), 0.0) == "trials 3 of 4"


@pytest.mark.parametrize("rule", [TrialLimit(1), TimeLimit(0.001), DeviceTimeLimit(0.001)])
@pytest.mark.parametrize(("count", "shows"), [(49, False), (50, True)])
def test_a_trend_is_looked_for_in_enough_trials_only(
    rule: StopRule, count: int, shows: bool
) -> None:
    stop = rule.check(timed(*((0.0, 60.0 * n) for n in range(1, count + 1))), 1e4)
    assert stop is not None
    assert ("still improves" in stop.advice) is shows
    assert "To go on: " in stop.advice


def test_the_failed_limit_counts_failed_and_infeasible_trials() -> None:
    ends = (GOOD, Failed("x"), Infeasible("y"), Stopped("z"))
    stop = FailedLimit(2).check(history_of(*ends), 0.0)
    assert stop is not None
    assert stop.rule == "failed limit"
    assert stop.reason == "2 of 4 trials ended without a valid reward; the limit is 2."
    assert FailedLimit(3).check(history_of(*ends), 0.0) is None
    assert FailedLimit(3).state(history_of(*ends), 0.0) == "failed 2 of 3"


@pytest.mark.parametrize(
    ("spans", "now", "seconds"),
    [
        ((), 100.0, 0.0),
        (((0.0, 10.0),), 100.0, 10.0),
        (((0.0, 10.0), (5.0, 15.0)), 100.0, 15.0),
        (((0.0, 30.0), (5.0, 15.0), (20.0, 40.0)), 100.0, 40.0),
        (((0.0, 10.0), (50.0, 60.0)), 100.0, 20.0),
        (((0.0, 10.0), (90.0, None)), 100.0, 20.0),
        (((0.0, None), (90.0, 95.0)), 100.0, 100.0),
        (((50.0, 60.0), (0.0, 10.0)), 100.0, 20.0),
        (((0.0, 10.0), (10.0, 20.0)), 100.0, 20.0),
        (((5.0, 5.0), (5.0, 6.0)), 100.0, 1.0),
        (((10.0, 5.0), (20.0, 30.0)), 100.0, 10.0),
    ],
    ids=[
        *("empty", "one", "overlap", "nested", "pause", "running", "running throughout"),
        *("asked late, started early", "touching", "equal start", "clock set back"),
    ],
)
def test_time_counts_while_at_least_one_trial_runs(
    spans: tuple[tuple[float, float | None], ...], now: float, seconds: float
) -> None:
    assert active_seconds(timed(*spans), now) == seconds


def test_the_time_limit_stops_at_the_very_second() -> None:
    history = timed((0.0, HOUR), (10 * HOUR, None))
    rule = TimeLimit(1.5)
    assert rule.check(history, 10.5 * HOUR - 1) is None
    stop = rule.check(history, 10.5 * HOUR)
    assert stop is not None
    assert (stop.rule, stop.reason) == (
        "time limit",
        "Trials have been running for 1.5 h; the limit is 1.5 h.",
    )
    assert rule.state(history, 10.25 * HOUR) == "hours 1.2 of 1.5"


def test_parallel_trials_do_not_use_time_faster() -> None:
    one, four = timed((0.0, HOUR)), timed(*[(0.0, HOUR)] * 4)
    assert active_seconds(one, HOUR) == active_seconds(four, HOUR)


def test_a_pause_uses_no_time() -> None:
    history = timed((0.0, 0.25 * HOUR))
    assert TimeLimit(1.0).check(history, 1000 * HOUR) is None


def test_device_hours_add_up_over_parallel_trials() -> None:
    history = timed((0.0, HOUR), (0.0, 2 * HOUR), (HOUR, None))
    rule = DeviceTimeLimit(hours=8, devices=2)
    assert rule.check(history, 1.9 * HOUR) is None
    stop = rule.check(history, 2 * HOUR)
    assert stop is not None
    assert (stop.rule, stop.reason) == (
        "device time limit",
        "Trials have used 8 h of devices; the limit is 8 h.",
    )
    assert rule.state(history, 2 * HOUR) == "device hours 8 of 8"
    assert rule.progress(history, 0.0 + HOUR) == pytest.approx(0.75)


def test_money_is_device_hours_times_their_price() -> None:
    history = timed((0.0, 2 * HOUR), (0.0, 2 * HOUR))
    assert MoneyLimit(10.1, price=2.5).check(history, 2 * HOUR) is None
    stop = MoneyLimit(10, price=2.5).check(history, 2 * HOUR)
    assert stop is not None
    assert stop.reason == "Trials have cost 10 (4 h of devices at 2.5); the limit is 10."
    assert MoneyLimit(20, price=2.5).state(history, 2 * HOUR) == "spent 10 of 20"


def test_nine_tenths_of_a_limit_are_a_warning() -> None:
    history = history_of(*[GOOD] * 9)
    warning = TrialLimit(10).warn(history, 0.0)
    assert warning is not None
    assert warning.reason == "Nearly used up: trials 9 of 10."
    assert TrialLimit(11).warn(history, 0.0) is None
    assert TrialLimit(9).warn(history, 0.0) is None


@pytest.mark.parametrize("name", ["amount", "price", "devices"])
def test_money_must_be_positive(name: str) -> None:
    values = {"amount": 1.0, "price": 1.0, "devices": 1.0, name: 0.0}
    with pytest.raises(ConfigurationError, match=f"{name}=0.0: must be above 0"):
        MoneyLimit(**values)
