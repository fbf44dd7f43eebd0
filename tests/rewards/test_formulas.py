"""Each reward's formula in numbers worked out by hand, and what it makes of odd metrics."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from raynas.errors import ConfigurationError
from raynas.rewards import (
    Absolute,
    AtLeast,
    AtMost,
    Clipped,
    Constrained,
    Factor,
    Metric,
    MnasNet,
    Pareto,
    Reward,
    WeightedProduct,
    judge,
)
from raynas.trials import Completed, Infeasible, Measurement


def reward_of(reward: Reward, **metrics: float) -> Any:
    outcome = judge(reward, Measurement(metrics))
    return outcome.objectives if isinstance(outcome, Completed) else outcome.reason


@pytest.mark.parametrize(("ms", "expected"), [(80, 0.7), (40, 0.7348), (160, 0.66685)])
def test_mnasnet_soft_trades_on_both_sides(ms: float, expected: float) -> None:
    assert reward_of(MnasNet.soft("acc", "ms", 80), acc=0.7, ms=ms) == pytest.approx(
        (expected,), rel=1e-4
    )


@pytest.mark.parametrize(("ms", "expected"), [(80, 0.7), (40, 0.7), (160, 0.35)])
def test_mnasnet_hard_only_takes_above_the_target(ms: float, expected: float) -> None:
    assert reward_of(MnasNet.hard("acc", "ms", 80), acc=0.7, ms=ms) == pytest.approx((expected,))


@pytest.mark.parametrize(("ms", "expected"), [(80, 0.7), (40, 0.6), (120, 0.6)])
def test_tunas_takes_for_missing_the_target_either_way(ms: float, expected: float) -> None:
    reward = Absolute("acc", "ms", 80, beta=-0.2)
    assert reward_of(reward, acc=0.7, ms=ms) == pytest.approx((expected,))


def test_a_weighted_product_multiplies_its_factors() -> None:
    reward = WeightedProduct("acc", (Factor("ms", 10, -1), Factor("mb", 4, -0.5)))
    assert reward_of(reward, acc=0.8, ms=20, mb=16) == pytest.approx((0.8 / 2 / 2,))


def test_one_factor_is_mnasnets_soft_reward() -> None:
    product = WeightedProduct("acc", (Factor("ms", 80),))
    metrics = {"acc": 0.7, "ms": 33.0}
    assert reward_of(product, **metrics) == reward_of(MnasNet.soft("acc", "ms", 80), **metrics)


@pytest.mark.parametrize(("value", "expected"), [(-9, 0), (0.4, 0.4), (7, 1)])
def test_a_clipped_reward_stays_within_its_bounds(value: float, expected: float) -> None:
    assert reward_of(Clipped(Metric("q"), 0, 1), q=value) == (expected,)


def test_bounds_make_a_trial_infeasible_with_the_figures() -> None:
    reward = Constrained(Metric("acc"), (AtMost("ms", 10), AtLeast("recall", 0.5)))
    assert reward_of(reward, acc=0.7, ms=10, recall=0.5) == (0.7,)
    assert reward_of(reward, acc=0.7, ms=12, recall=1) == "ms is 12, over its limit of 10"
    assert reward_of(reward, acc=0.7, ms=9, recall=0.4) == "recall is 0.4, under its limit of 0.5"
    assert reward_of(reward, acc=0.7, ms=math.nan, recall=1) == "ms is nan, over its limit of 10"
    assert reward_of(reward, acc=0.7, recall=1) == "the task measured no 'ms'"


def test_constraints_go_with_several_objectives() -> None:
    pareto = Pareto(Metric("acc"), Metric("ms", "min"))
    reward = Constrained(pareto, (AtMost("ms", 10),))
    assert reward_of(reward, acc=0.7, ms=9) == (0.7, -9)
    assert reward.objectives == pareto.objectives


@pytest.mark.parametrize(
    "reward",
    [MnasNet.soft("acc", "ms", 80), WeightedProduct("acc", (Factor("ms", 80),))],
    ids=lambda reward: type(reward).__name__,
)
def test_products_need_metrics_above_zero(reward: Reward) -> None:
    assert reward_of(reward, acc=0.7, ms=0) == "ms is 0: this reward needs it above zero"
    assert reward_of(reward, acc=-1, ms=1) == "acc is -1: this reward needs it above zero"
    assert reward_of(reward, acc=0.7) == "the task measured no 'ms'"
    assert reward_of(reward, acc=math.nan, ms=1) == "acc is nan"


def test_absolute_needs_both_metrics() -> None:
    assert reward_of(Absolute("acc", "ms", 80), acc=0.7) == "the task measured no 'ms'"
    assert reward_of(Absolute("acc", "ms", 80), ms=0.7) == "the task measured no 'acc'"


def test_a_clipped_nan_is_not_a_reward() -> None:
    class Odd(Reward):
        def __call__(self, measurement: Measurement) -> float | Infeasible:
            return math.nan

    assert "gave nan" in reward_of(Clipped(Odd(), 0, 1))


@pytest.mark.parametrize(
    "reward",
    [
        MnasNet.hard("acc", "ms", 80),
        Absolute("acc", "ms", 80),
        WeightedProduct("acc", (Factor("ms", 80),)),
        Clipped(Metric("acc"), 0, 1),
        Constrained(Metric("acc"), (AtMost("ms", 10),)),
    ],
    ids=lambda reward: type(reward).__name__,
)
def test_what_a_reward_is_shown_as_makes_it_again(reward: Reward) -> None:
    """So that the store can tell a changed reward from the same one."""
    assert eval(repr(reward)) == reward  # noqa: S307 - our own text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MnasNet("a", "b", 0), "target=0: must be above 0"),
        (lambda: MnasNet("a", "b", 1, beta=0.1), r"beta=0\.1: must be at most 0"),
        (lambda: Absolute("a", "b", 1, beta=0), "beta=0: must be below 0"),
        (lambda: Absolute("a", "b", math.inf), "target=inf: must be a finite number"),
        (lambda: Factor("b", 1, 0.5), r"exponent=0\.5: must be below 0"),
        (lambda: WeightedProduct("a", ()), r"factors=\(\): give one Factor or more"),
        (lambda: AtMost("a", math.nan), "limit=nan: must be a finite number"),
        (lambda: Constrained(Metric("a"), ()), r"bounds=\(\): give AtMost or AtLeast"),
        (lambda: Clipped(Metric("a"), 1, 1), "low=1: must be below high=1"),
        (
            lambda: Clipped(Pareto(Metric("a"), Metric("b")), 0, 1),
            "must be a reward of one number",
        ),
    ],
)
def test_arguments_out_of_range_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()
