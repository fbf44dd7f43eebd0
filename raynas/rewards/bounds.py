"""Rewards within bounds, and bounds on metrics beyond which there is no reward."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from raynas.arguments import checked
from raynas.errors import ConfigurationError
from raynas.objective import Objective
from raynas.rewards.base import Reward
from raynas.rewards.figures import check_finite
from raynas.trials import BOUND, Infeasible, Measurement

__all__ = ["AtLeast", "AtMost", "Bound", "Clipped", "Constrained", "bounds_in", "kind_of"]


@checked
@dataclass(frozen=True)
class AtMost:
    """The bound ``metric <= limit``.

    Raises:
        ConfigurationError: `limit` is not a finite number.
    """

    metric: str
    limit: float

    def __post_init__(self) -> None:
        check_finite("limit", self.limit)

    def broken_by(self, metrics: Mapping[str, float]) -> str | None:
        """How `metrics` break the bound, in words; None if they do not. NaN and no value do."""
        value = metrics.get(self.metric)
        if value is None:
            return f"the task measured no {self.metric!r}"
        if value <= self.limit:
            return None
        return f"{self.metric} is {value:g}, over its limit of {self.limit:g}"

    def excess(self, value: float) -> float:
        """How far `value` is outside, as a share of the limit's size; below 0 inside."""
        return (value - self.limit) / (abs(self.limit) or 1.0)


@checked
@dataclass(frozen=True)
class AtLeast:
    """The bound ``metric >= limit``.

    Raises:
        ConfigurationError: `limit` is not a finite number.
    """

    metric: str
    limit: float

    def __post_init__(self) -> None:
        check_finite("limit", self.limit)

    def broken_by(self, metrics: Mapping[str, float]) -> str | None:
        """See `AtMost.broken_by`."""
        value = metrics.get(self.metric)
        if value is None:
            return f"the task measured no {self.metric!r}"
        if value >= self.limit:
            return None
        return f"{self.metric} is {value:g}, under its limit of {self.limit:g}"

    def excess(self, value: float) -> float:
        """See `AtMost.excess`."""
        return (self.limit - value) / (abs(self.limit) or 1.0)


Bound = AtMost | AtLeast


def bounds_in(reward: Reward) -> tuple[Bound, ...]:
    """The bounds of `Constrained` rewards in `reward`, the outermost first."""
    inner: object = reward
    found: list[Bound] = []
    while isinstance(inner, Reward):
        found += inner.bounds if isinstance(inner, Constrained) else ()
        inner = getattr(inner, "reward", None)
    return tuple(found)


def kind_of(bound: Bound, metrics: Mapping[str, float]) -> str:
    """`BOUND` for a metric that is there and outside; empty where it is missing or NaN."""
    value = metrics.get(bound.metric, math.nan)
    return "" if math.isnan(value) else BOUND


@checked
@dataclass(frozen=True)
class Constrained(Reward):
    """What `reward` gives where all `bounds` are kept; elsewhere the trial is infeasible.

    Bounds on what is known before training belong into `raynas.meters.Measured` too, which then
    does not train at all.

    Args:
        reward: Any reward.
        bounds: Bounds, one or more of `AtMost` and `AtLeast`.

    Raises:
        ConfigurationError: An argument is something else.
    """

    reward: Reward
    bounds: tuple[Bound, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "bounds", tuple(self.bounds))
        if not isinstance(self.reward, Reward):
            raise ConfigurationError(f"reward={self.reward!r}: must be a raynas Reward")
        if not self.bounds or not all(isinstance(bound, Bound) for bound in self.bounds):
            raise ConfigurationError(f"bounds={self.bounds!r}: give AtMost or AtLeast, or several")

    @property
    def objectives(self) -> tuple[str, ...]:
        """See `Reward.objectives`."""
        return self.reward.objectives

    @property
    def shown_as(self) -> tuple[Objective, ...]:
        """See `Reward.shown_as`."""
        return self.reward.shown_as

    def __str__(self) -> str:
        return str(self.reward)

    def __call__(self, measurement: Measurement) -> float | tuple[float, ...] | Infeasible:
        """See `Reward.__call__`."""
        for bound in self.bounds:
            broken = bound.broken_by(measurement.metrics)
            if broken is not None:
                return Infeasible(broken, kind=kind_of(bound, measurement.metrics))
        return self.reward(measurement)


@checked
@dataclass(frozen=True)
class Clipped(Reward):
    """``min(max(reward, low), high)``, so that no single trial outweighs all others.

    Args:
        reward: Any reward of one number.
        low: The least.
        high: The most.

    Raises:
        ConfigurationError: `reward` has several objectives, or `low` is not below `high`.
    """

    reward: Reward
    low: float
    high: float

    def __post_init__(self) -> None:
        if not isinstance(self.reward, Reward) or len(self.reward.objectives) != 1:
            raise ConfigurationError(f"reward={self.reward!r}: must be a reward of one number")
        check_finite("low", self.low)
        check_finite("high", self.high)
        if self.low >= self.high:
            raise ConfigurationError(f"low={self.low}: must be below high={self.high}")

    def __str__(self) -> str:
        return f"{self.reward} within {self.low:g} and {self.high:g}"

    @property
    def shown_as(self) -> tuple[Objective, ...]:
        """See `Reward.shown_as`: with the bounds in the user's unit and direction."""
        inner = self.reward.shown_as[0]
        low, high = sorted((inner.figure(self.low), inner.figure(self.high)))
        return (Objective(f"{inner.name} within {low:g} and {high:g}", inner.mode),)

    def __call__(self, measurement: Measurement) -> float | Infeasible:
        """See `Reward.__call__`; NaN stays what it is, and makes the trial infeasible."""
        value = self.reward(measurement)
        if isinstance(value, Infeasible):
            return value
        number = value[0] if isinstance(value, tuple) else value
        return number if number != number else min(max(number, self.low), self.high)
