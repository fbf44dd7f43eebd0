"""The rule that ends a search while the device that measures is out of reach."""

from __future__ import annotations

import pytest

from raynas.errors import ConfigurationError
from raynas.stopping import DeviceOffline, FailedLimit, FailureShare
from raynas.trials import (
    BOUND,
    DEFERRED,
    Completed,
    Failed,
    History,
    Infeasible,
    Measurement,
    Outcome,
    Trial,
)

OFFLINE = Infeasible("the device 'phone' is offline", kind=DEFERRED)
DONE = Completed(Measurement({}), 1.0)


def history(*outcomes: Outcome | None) -> History:
    """They end in the order in which they were asked."""
    return History(
        [
            Trial(i, i, outcome, float(i), None if outcome is None else i + 0.5)
            for i, outcome in enumerate(outcomes)
        ]
    )


@pytest.mark.parametrize(
    ("outcomes", "stops"),
    [
        ([OFFLINE] * 3, True),
        ([DONE, *[OFFLINE] * 3], True),
        ([DONE, *[OFFLINE] * 3, None], True),
        ([OFFLINE] * 2, False),
        ([OFFLINE, OFFLINE, DONE, OFFLINE, OFFLINE], False),
        ([*[OFFLINE] * 5, Failed("broken")], False),
        ([Infeasible("large", kind=BOUND)] * 9, False),
        ([], False),
    ],
)
def test_it_stops_where_the_latest_trials_all_wait(outcomes: list[Outcome], stops: bool) -> None:
    stop = DeviceOffline(3).check(history(*outcomes), 0.0)
    assert (stop is not None) == stops
    if stop is not None:
        assert stop.reason == (
            "The latest 3 trials could not be measured: the device 'phone' is offline."
        )
        assert "run the same command again" in stop.advice


def test_trials_that_run_once_more_do_not_stop_it_again() -> None:
    waiting = history(*[OFFLINE] * 3)
    for number in range(3):
        waiting = waiting.reopened(number, 9.0)
    assert DeviceOffline(3).check(waiting, 9.0) is None


def test_how_near_it_is() -> None:
    two = history(DONE, OFFLINE, OFFLINE)
    assert DeviceOffline(4).progress(two, 0.0) == 0.5
    assert DeviceOffline(4).state(two, 0.0) == "offline 2 of 4 trials in a row"


def test_they_are_no_failures_and_no_evidence_against_failures() -> None:
    """Four of ten tried trials failed, however many were not tried."""
    outcomes = [Failed("broken")] * 4 + [DONE] * 6
    with_device, without = history(*outcomes), history(*outcomes, *[OFFLINE] * 90)
    rule = FailureShare()
    assert rule.state(with_device, 0.0) == rule.state(without, 0.0)
    assert rule.progress(with_device, 0.0) == rule.progress(without, 0.0)
    assert FailedLimit(5).check(without, 0.0) is None
    assert len(without.failures) == 4
    assert len(without.deferred) == 90
    assert not without.outside


def test_a_number_of_trials_below_one_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="trials=0: must be at least 1"):
        DeviceOffline(0)
