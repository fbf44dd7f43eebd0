"""FailureShare: fires on evidence, seldom in error, and says why."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from raynas.errors import ConfigurationError
from raynas.stopping import FailedLimit, FailureShare
from raynas.trials import BOUND, Completed, Failed, History, Infeasible, Measurement, Stopped, Trial

GOOD = Completed(Measurement({"reward": 1.0}), 1.0)
SIMULATIONS = 200


def history_of(bad: int, good: int) -> History:
    ends = [Infeasible("too large")] * bad + [GOOD] * good
    return History(tuple(Trial(number, None, end) for number, end in enumerate(ends)))


def fires(rule: FailureShare, failed: NDArray[np.bool_]) -> int | None:
    """After how many trials `rule` fires; None where it does not.

    Asked only where the answer can change from no to yes: after a failure.
    """
    bad = np.cumsum(failed)
    for index in np.flatnonzero(failed):
        ended = int(index) + 1
        if rule.check(history_of(int(bad[index]), ended - int(bad[index])), 0.0):
            return ended
    return None


def simulations(probability: float, trials: int) -> NDArray[np.bool_]:
    return np.random.default_rng(0).random((SIMULATIONS, trials)) < probability


def test_two_failures_in_five_trials_are_chance() -> None:
    assert FailureShare().check(history_of(2, 3), 0.0) is None


def test_an_empty_history_is_no_reason() -> None:
    assert FailureShare().check(History(), 0.0) is None
    assert FailureShare().state(History(), 0.0) == "failures 0 of 0, 20% allowed"


def test_a_search_whose_every_trial_fails_is_stopped_at_once() -> None:
    assert fires(FailureShare(), np.ones(50, dtype=bool)) == 4


def chance_of_a_stop(rule: FailureShare, probability: float, trials: int) -> float:
    """Exactly, by going through all counts of failures trial by trial."""
    reached, stopped = np.zeros(trials + 2), 0.0
    reached[0] = 1.0
    for ended in range(1, trials + 1):
        reached[1:] = reached[1:] * (1 - probability) + reached[:-1] * probability
        reached[0] *= 1 - probability
        stopped += reached[rule.needed(ended) :].sum()
        reached[rule.needed(ended) :] = 0.0
    return float(stopped)


def test_thirty_percent_of_failures_are_found_within_100_trials() -> None:
    assert chance_of_a_stop(FailureShare(), 0.3, 100) >= 0.99


@pytest.mark.parametrize(("limit", "error"), [(0.2, 0.01), (0.2, 0.001), (0.05, 0.01), (0.5, 0.1)])
def test_half_the_limit_is_stopped_with_the_stated_error_at_most(
    limit: float, error: float
) -> None:
    assert chance_of_a_stop(FailureShare(limit, error), limit / 2, 1000) <= error + 1e-9


def test_simulated_searches_agree_with_the_exact_chance() -> None:
    stopped = sum(fires(FailureShare(), run) is not None for run in simulations(0.25, 60))
    chance = chance_of_a_stop(FailureShare(), 0.25, 60)
    assert abs(stopped / SIMULATIONS - chance) < 3 * math.sqrt(chance * (1 - chance) / SIMULATIONS)


def test_a_share_above_the_limit_on_little_evidence_is_a_warning() -> None:
    warning = FailureShare().warn(history_of(3, 7), 0.0)
    assert warning is not None
    assert warning.reason == (
        "3 of 10 trials (30%) ended without a valid reward, more than the 20% allowed "
        "(6 of 10 would end the search); most often: too large (3 times)."
    )
    assert FailureShare().progress(history_of(3, 7), 0.0) == 0.5
    assert FailureShare().warn(history_of(2, 3), 0.0) is None
    assert FailureShare().warn(history_of(8, 2), 0.0) is None


def test_a_smaller_error_asks_for_more_evidence() -> None:
    history = history_of(4, 0)
    assert FailureShare(error=0.01).check(history, 0.0) is not None
    assert FailureShare(error=0.0001).check(history, 0.0) is None


def test_evidence_alone_is_not_enough_where_the_share_is_allowed() -> None:
    """Just above the limit the evidence fills up over many trials, at the limit it never counts."""
    assert FailureShare().check(history_of(2000, 8000), 0.0) is None
    assert FailureShare().check(history_of(2100, 7900), 0.0) is not None


def test_the_reason_has_the_figures_and_the_commonest_reason() -> None:
    ends = [Infeasible("loss is nan")] * 3 + [Failed("Traceback\nOSError: gone\n")] * 4 + [GOOD] * 3
    history = History(tuple(Trial(number, None, end) for number, end in enumerate(ends)))
    stop = FailureShare().check(history, 0.0)
    assert stop is not None
    assert stop.rule == "failures"
    assert stop.reason == (
        "7 of 10 trials (70%) ended without a valid reward, more than the 20% allowed; "
        "most often: OSError: gone (4 times)."
    )
    assert "trials.csv" in stop.advice


def test_running_and_stopped_trials_are_no_failures() -> None:
    ends = [None] * 10 + [Stopped("median")] * 10 + [Failed("x")] * 2
    history = History(tuple(Trial(number, None, end) for number, end in enumerate(ends)))
    assert FailureShare().check(history, 0.0) is None
    assert FailureShare().state(history, 0.0) == "failures 2 of 12, 20% allowed"


@pytest.mark.parametrize("limit", [0.0, 2 / 3, -0.1, math.nan])
def test_a_limit_out_of_range_is_refused(limit: float) -> None:
    with pytest.raises(ConfigurationError, match=f"limit={limit}: must be above 0 and below 2/3"):
        FailureShare(limit=limit)


@pytest.mark.parametrize("error", [0.0, 1.0, math.nan])
def test_an_error_out_of_range_is_refused(error: float) -> None:
    with pytest.raises(ConfigurationError, match=f"error={error}: must be above 0 and below 1"):
        FailureShare(error=error)


def test_trials_outside_a_bound_are_neither_failures_nor_evidence_against_them() -> None:
    """Nine tenths outside end no search; of the rest, a share of failures does."""
    outside = Infeasible("too slow", kind=BOUND)
    good = Completed(Measurement({}), 1.0)
    bounded = [outside] * 900 + [good] * 100
    failing = [outside] * 900 + [Failed("boom")] * 60 + [good] * 40
    for outcomes, stops in ((bounded, False), (failing, True)):
        history = History([Trial(n, n, o, 0.0, 1.0) for n, o in enumerate(outcomes)])
        assert (FailureShare().check(history, 0.0) is not None) == stops
        assert (FailedLimit(50).check(history, 0.0) is not None) == stops
