"""The plain metric as reward, and what `judge` makes of any reward."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from raynas.errors import ConfigurationError
from raynas.rewards import Metric, Reward, judge
from raynas.trials import Completed, Infeasible, Measurement

MEASUREMENT = Measurement({"accuracy": 0.75, "loss": 2.0, "nan": math.nan, "inf": -math.inf})


@dataclass(frozen=True)
class Returns(Reward):
    value: Any

    def __call__(self, measurement: Measurement) -> Any:
        return self.value


def test_a_metric_is_the_reward() -> None:
    assert judge(Metric("accuracy"), MEASUREMENT) == Completed(MEASUREMENT, 0.75)


def test_a_metric_to_minimize_changes_its_sign() -> None:
    assert judge(Metric("loss", "min"), MEASUREMENT) == Completed(MEASUREMENT, -2.0)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("f1", "the task measured no 'f1'"),
        ("nan", "nan is nan"),
        ("inf", "inf is -inf"),
    ],
)
def test_no_finite_metric_is_infeasible(name: str, reason: str) -> None:
    for mode in ("max", "min"):
        assert judge(Metric(name, mode), MEASUREMENT) == Infeasible(reason, MEASUREMENT)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="mode='maximum': use 'max' or 'min'"):
        Metric("accuracy", "maximum")  # type: ignore[arg-type]


def test_the_repr_identifies_the_reward() -> None:
    """The store compares it, so it must neither change from run to run nor hide an argument."""
    assert repr(Metric("loss", "min")) == "Metric(name='loss', mode='min')"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_a_reward_that_is_not_finite_is_infeasible(value: float) -> None:
    outcome = judge(Returns(value), MEASUREMENT)
    reason = f"Returns(value={value!r}) gave {float(value)}"
    assert outcome == Infeasible(reason, MEASUREMENT)


@pytest.mark.parametrize("value", [1, np.float32(1.0), np.int64(1)])
def test_any_real_number_becomes_a_float(value: Any) -> None:
    outcome = judge(Returns(value), MEASUREMENT)
    assert outcome == Completed(MEASUREMENT, 1.0)
    assert type(outcome.reward) is float  # type: ignore[union-attr]


def test_an_infeasible_reward_keeps_the_measurement() -> None:
    assert judge(Returns(Infeasible("slow")), MEASUREMENT) == Infeasible("slow", MEASUREMENT)


@pytest.mark.parametrize("value", [None, "0.5", True, (1.0, 2.0)])
def test_a_reward_that_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"returned .*: a reward is one number, or Infeas"):
        judge(Returns(value), MEASUREMENT)
