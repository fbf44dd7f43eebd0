"""Bounds on metrics: what is outside, by how much, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from raynas.errors import ConfigurationError
from raynas.rewards import AtLeast, AtMost, Clipped, Constrained, Metric, Pareto
from raynas.rewards.bounds import bounds_in
from raynas.trials import Infeasible, Measurement

SIZE, ACCURACY = AtMost("size", 4.0), AtLeast("accuracy", 0.8)


@pytest.mark.parametrize(
    ("bound", "value", "words"),
    [
        (SIZE, 4.0, None),
        (SIZE, 5.0, "size is 5, over its limit of 4"),
        (ACCURACY, 0.8, None),
        (ACCURACY, 0.5, "accuracy is 0.5, under its limit of 0.8"),
    ],
)
def test_bounds_hold_at_the_limit_and_name_what_breaks_them(
    bound: AtMost | AtLeast, value: float, words: str | None
) -> None:
    assert bound.broken_by({bound.metric: value}) == words
    assert (bound.excess(value) > 0) == (words is not None)


@pytest.mark.parametrize("bound", [SIZE, ACCURACY])
def test_a_metric_that_was_not_measured_breaks_its_bound(bound: AtMost | AtLeast) -> None:
    assert bound.broken_by({}) == f"the task measured no {bound.metric!r}"


def test_an_excess_is_a_share_of_the_limit() -> None:
    assert SIZE.excess(5.0) == pytest.approx(0.25)
    assert ACCURACY.excess(0.4) == pytest.approx(0.5)
    assert AtMost("size", 0.0).excess(2.0) == 2.0


def test_the_bounds_of_nested_rewards_are_found_outermost_first() -> None:
    inner = Constrained(Metric("accuracy"), (ACCURACY,))
    assert bounds_in(Constrained(inner, (SIZE,))) == (SIZE, ACCURACY)
    assert bounds_in(Metric("accuracy")) == ()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("accuracy", [SIZE]), "reward='accuracy': must be a raynas Reward"),
        ((Metric("accuracy"), []), r"bounds=\(\): give AtMost or AtLeast, or several"),
        ((Metric("accuracy"), ["size"]), r"bounds=.*: .*AtMost"),
    ],
)
def test_what_is_no_reward_or_bound_is_refused(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        Constrained(*arguments)


def test_a_constrained_reward_has_the_objectives_of_its_own() -> None:
    front = Pareto(Metric("accuracy"), Metric("size", "min"))
    assert Constrained(front, (SIZE,)).objectives == front.objectives
    assert Constrained(front, (SIZE,)).shown_as == front.shown_as


def test_clipping_keeps_nan_and_reasons() -> None:
    clipped = Clipped(Metric("accuracy"), 0.0, 0.9)
    assert clipped(Measurement({"accuracy": 0.95})) == 0.9
    missing = clipped(Measurement({}))
    assert isinstance(missing, Infeasible)
    found = clipped(Measurement({"accuracy": math.nan}))
    assert isinstance(found, Infeasible)
    assert found.reason == "accuracy is nan"
