"""ImprovementLeft: compares the expected gain with its price."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import raynas as nas
from raynas.errors import ConfigurationError
from raynas.space import choice, repeat, searchable
from raynas.stopping import ImprovementLeft, SurrogateGain
from raynas.stopping.improvement import expected_improvement_of_rewards
from raynas.trials import Completed, History, Measurement, Trial


def history_of(rewards: object) -> History:
    return History(
        tuple(
            Trial(n, n, Completed(Measurement({}), float(r)))
            for n, r in enumerate(np.asarray(rewards))
        )
    )


def test_it_stops_when_the_gain_is_below_the_price() -> None:
    history = history_of(np.linspace(0, 1, 60))
    assert ImprovementLeft(0.1, estimate=lambda _: 0.1).check(history, 0.0) is None
    stop = ImprovementLeft(0.1, estimate=lambda _: 0.05).check(history, 0.0)
    assert stop is not None
    assert stop.reason == (
        "another trial is expected to raise the best reward, 1, by 0.05, less than its price of 0.1"
    )


def test_it_waits_for_enough_trials() -> None:
    rule = ImprovementLeft(0.1, estimate=lambda _: 0.0, trials=60)
    assert rule.check(history_of(range(59)), 0.0) is None
    assert rule.progress(history_of(range(59)), 0.0) == 0.0
    assert rule.state(history_of(range(59)), 0.0) == ("improvement judged from trial 60 on, now 59")


def test_twice_the_price_is_a_warning() -> None:
    history = history_of(range(60))
    warning = ImprovementLeft(0.1, estimate=lambda _: 0.15).warn(history, 0.0)
    assert warning is not None
    assert warning.reason == "expected gain of a trial 0.15 (stops at 0.1)"
    assert ImprovementLeft(0.1, estimate=lambda _: 0.3).warn(history, 0.0) is None
    assert ImprovementLeft(0.1, estimate=lambda _: 0.01).warn(history, 0.0) is None


def test_the_estimate_from_rewards_is_right_for_exponential_ones() -> None:
    """The next of n exponential rewards exceeds the best by exp(-best) in expectation."""
    ratios = []
    for seed in range(200):
        rewards = np.random.default_rng(seed).exponential(size=100)
        ratios.append(
            expected_improvement_of_rewards(history_of(rewards)) / math.exp(-max(rewards))
        )
    assert 0.6 < np.median(ratios) < 1.7


def test_too_few_rewards_promise_everything_and_equal_ones_nothing() -> None:
    assert expected_improvement_of_rewards(history_of(range(49))) == math.inf
    assert expected_improvement_of_rewards(history_of([1.0] * 60)) == 0.0


def test_arguments_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="price=0: must be above 0"):
        ImprovementLeft(0)
    with pytest.raises(ConfigurationError, match="estimate=1: must be a function of the history"):
        ImprovementLeft(0.1, estimate=1)  # type: ignore[arg-type]


@searchable
class Bits:
    bits: tuple[bool, ...] = repeat(choice(False, True), 6)


def searched(trials: int, value: Callable[[Bits], float]) -> History:
    with nas.AskTell(Bits, "random", seed=1) as search:
        for _ in range(trials):
            proposal = search.ask()
            assert proposal is not None
            search.tell(proposal.number, value(proposal.architecture))
        return search.history


def test_the_surrogates_gain_is_in_rewards_and_falls_as_the_search_learns() -> None:
    early, late = (searched(n, lambda net: sum(net.bits) / 100) for n in (12, 60))
    gain = SurrogateGain(Bits)
    assert gain(History()) == math.inf
    assert 1e-4 < gain(early) < 0.05
    assert gain(late) < gain(early) / 10
    thousandfold = searched(12, lambda net: sum(net.bits) * 10)
    assert gain(thousandfold) == pytest.approx(1000 * gain(early), rel=0.01)


def test_a_search_ends_when_the_surrogate_expects_less_than_a_trial_costs() -> None:
    rule = ImprovementLeft(1e-4, estimate=SurrogateGain(Bits), trials=10)
    assert rule.check(searched(12, lambda net: sum(net.bits) / 100), 0.0) is None
    stop = rule.check(searched(60, lambda net: sum(net.bits) / 100), 0.0)
    assert stop is not None
    assert stop.rule == "improvement left"
