"""ImprovementLeft: compares the expected gain with its price."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import raynas as nas
from raynas.errors import ConfigurationError
from raynas.rewards import Metric, Pareto
from raynas.space import choice, repeat, searchable
from raynas.stopping import (
    AllOf,
    Convergence,
    ImprovementLeft,
    Patience,
    SurrogateGain,
    default_rules,
)
from raynas.stopping.improvement import expected_improvement_of_rewards
from raynas.trials import Completed, History, Measurement, Trial


def history_of(rewards: object) -> History:
    return History(
        tuple(
            Trial(n, n, Completed(Measurement({}), float(r)))
            for n, r in enumerate(np.asarray(rewards))
        )
    )


def peaked(best: float) -> History:
    """Rewards that rise to `best`, and then do not for thirty trials."""
    return history_of([*np.linspace(0, best, 30), *[0.0] * 30])


def test_it_stops_when_the_gain_is_below_the_price() -> None:
    history = peaked(1.0)
    assert ImprovementLeft(0.1, estimate=lambda *_: 0.1).check(history, 0.0) is None
    stop = ImprovementLeft(0.1, estimate=lambda *_: 0.05).check(history, 0.0)
    assert stop is not None
    assert stop.reason == (
        "The next trial is expected to improve the best reward (1) by 0.05, less than the price of "
        "a trial, 0.1."
    )


def test_it_waits_after_the_best_trial_and_estimates_nothing_before() -> None:
    asked: list[History] = []
    rule = ImprovementLeft(0.1, estimate=lambda h, _: asked.append(h) or 0.0, patience=30)
    early = history_of([*np.linspace(0, 1, 60), *[0.5] * 29])
    assert rule.check(early, 0.0) is None
    assert rule.progress(early, 0.0) == 0.0
    assert rule.state(early, 0.0) == "improvement judged 30 trials after the best, so far 29"
    assert asked == []
    assert rule.check(history_of([*np.linspace(0, 1, 60), *[0.5] * 30]), 0.0) is not None
    assert rule.check(History(), 0.0) is None


@pytest.mark.parametrize(
    ("rule", "price", "beyond"),
    [
        # 3 % of the way from the median of the first twenty rewards, 0.5, to the best, 2.5
        (ImprovementLeft(), 0.003 * 0.06, 0.03),
        (ImprovementLeft(negligible=0.1), 0.003 * 0.1, 0.05),
        (ImprovementLeft(0.2), 0.2, 0.0),
        (ImprovementLeft(0.2, negligible=0.1), 0.2, 0.05),
    ],
)
def test_price_and_what_counts_follow_from_what_is_negligible(
    rule: ImprovementLeft, price: float, beyond: float
) -> None:
    history = history_of([*np.linspace(0, 1, 20), 2.5, *[1.0] * 20])
    asked: list[float] = []

    def stops(gain: float) -> bool:
        guided = replace(rule, estimate=lambda _, beyond: asked.append(beyond) or gain)
        return guided.check(history, 0.0) is not None

    assert stops(0.99 * price)
    assert not stops(1.01 * price)
    assert asked == pytest.approx([beyond, beyond])


def test_it_says_from_what_gain_on_it_counts() -> None:
    rule = ImprovementLeft(negligible=0.1, estimate=lambda *_: 1e-4)
    stop = rule.check(peaked(1.0), 0.0)
    assert stop is not None
    assert stop.reason == (
        "No untried architecture is expected to beat the best reward (1) by more than 0.05: the "
        "expected gain beyond that is 0.0001, less than the price of a trial, 0.0003."
    )
    assert rule.state(peaked(1.0), 0.0) == (
        "expected gain of a trial 0.0001 beyond 0.05 (stops at 0.0003)"
    )


def test_equal_rewards_are_no_reason() -> None:
    flat = history_of([1.0] * 100)
    rule = ImprovementLeft(estimate=lambda *_: 0.0)
    assert rule.check(flat, 0.0) is None
    assert rule.progress(flat, 0.0) == 0.0
    assert rule.warn(flat, 0.0) is None


def test_twice_the_price_is_a_warning() -> None:
    history = peaked(60.0)
    warning = ImprovementLeft(0.1, estimate=lambda *_: 0.15).warn(history, 0.0)
    assert warning is not None
    assert warning.reason == "Expected gain of a trial 0.15 (stops at 0.1)."
    assert ImprovementLeft(0.1, estimate=lambda *_: 0.3).warn(history, 0.0) is None
    assert ImprovementLeft(0.1, estimate=lambda *_: 0.01).warn(history, 0.0) is None


def test_the_estimate_from_rewards_is_right_for_exponential_ones() -> None:
    """The next of n exponential rewards exceeds the best by exp(-best) in expectation."""
    ratios = []
    for seed in range(200):
        rewards = np.random.default_rng(seed).exponential(size=100)
        ratios.append(
            expected_improvement_of_rewards(history_of(rewards)) / math.exp(-max(rewards))
        )
    assert 0.6 < np.median(ratios) < 1.7


def test_less_is_expected_beyond_an_amount() -> None:
    """Of exponential rewards, exp(-amount) times as much."""
    rewards = history_of(np.random.default_rng(0).exponential(size=100))
    excess = np.sort(rewards.rewards)[::-1]
    scale = float(np.mean(excess[:10]) - excess[10])
    less = expected_improvement_of_rewards(rewards, 0.5)
    assert less == pytest.approx(expected_improvement_of_rewards(rewards) * math.exp(-0.5 / scale))
    few = searched(12, lambda net: sum(net.bits) / 100)
    gain = SurrogateGain(Bits)
    assert 0 < gain(few, 0.01) < gain(few)


def test_too_few_rewards_promise_everything_and_equal_ones_nothing() -> None:
    assert expected_improvement_of_rewards(history_of(range(49))) == math.inf
    assert expected_improvement_of_rewards(history_of([1.0] * 60)) == 0.0


def test_arguments_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="price=0: must be above 0"):
        ImprovementLeft(0)
    with pytest.raises(ConfigurationError, match="negligible=inf: must be above 0 and finite"):
        ImprovementLeft(negligible=math.inf)
    with pytest.raises(ConfigurationError, match="patience=0: must be at least 1"):
        ImprovementLeft(patience=0)
    with pytest.raises(ConfigurationError, match="estimate=1: must be a function of a history"):
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
    rule = ImprovementLeft(1e-4, estimate=SurrogateGain(Bits), patience=5)
    assert rule.check(searched(12, lambda net: sum(net.bits) / 100), 0.0) is None
    stop = rule.check(searched(60, lambda net: sum(net.bits) / 100), 0.0)
    assert stop is not None
    assert stop.rule == "improvement left"


def test_reports_do_not_ask_the_surrogate_all_along_a_search() -> None:
    guided = ImprovementLeft(estimate=SurrogateGain(Bits))
    for rule in (guided, AllOf(Convergence(), guided), Patience(guided, 3)):
        assert rule.costly
    for cheap in (ImprovementLeft(), AllOf(Convergence(), ImprovementLeft())):
        assert not cheap.costly


def test_the_gain_is_estimated_once_for_each_trial_that_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    history = searched(12, lambda net: sum(net.bits) / 100)
    gain = SurrogateGain(Bits)
    before = gain(history)
    calls: list[History] = []
    monkeypatch.setattr(gain._surrogate, "expected_gain", lambda h, _: calls.append(h) or 1.0)
    running = history.asked(Trial(12, Bits((True,) * 6)))
    assert gain(running) == before
    assert calls == []
    assert gain(running.told(12, Completed(Measurement({}), 0.5), 1.0)) == 1.0
    assert len(calls) == 1


def test_searches_that_a_surrogate_guides_have_the_rule_by_default() -> None:
    def names(**options: object) -> list[str]:
        search = nas.Search(Bits, nas.FunctionTask(lambda _: 0.0), **options)  # type: ignore[arg-type]
        return [type(rule).__name__ for rule in search.rules]

    common = ["FailureShare", "Convergence", "NoConvergence"]
    assert names() == names(controller="surrogate") == [*common, "ImprovementLeft"]
    assert names(controller="random") == common
    assert names(reward=Pareto(Metric("a"), Metric("b"))) == common
    assert names(rules=()) == []
    assert default_rules(Bits, negligible=0.01)[-1].negligible == 0.01  # type: ignore[attr-defined]
