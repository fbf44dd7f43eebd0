"""A reward that holds a cost at its target, from either side."""

from __future__ import annotations

from dataclasses import dataclass

from raynas.arguments import checked
from raynas.errors import ConfigurationError
from raynas.rewards.base import Reward
from raynas.rewards.figures import check_above_zero, check_finite, figure
from raynas.trials import Infeasible, Measurement

__all__ = ["Absolute"]


@checked
@dataclass(frozen=True)
class Absolute(Reward):
    """``quality + beta * |cost / target - 1|``: TuNAS's absolute reward.

    It takes no tuning of `beta` for the cost to come out near the target: networks that are too
    fast for their own good are given up as are those that are too slow.

    Bender et al. 2020, "Can Weight Sharing Outperform Random Architecture Search? An Investigation
    With TuNAS", CVPR, the section on the reward function ("absolute reward").

    Args:
        quality: Metric of which more is better.
        cost: Metric, such as ``"latency_p50"``.
        target: What it should be, in the metric's unit.
        beta: Below zero, in the unit of `quality`: what missing the target by its own size costs.

    Raises:
        ConfigurationError: `target` is not above zero, or `beta` not below it.
    """

    quality: str
    cost: str
    target: float
    beta: float = -0.07

    def __post_init__(self) -> None:
        check_above_zero("target", self.target)
        check_finite("beta", self.beta)
        if self.beta >= 0:
            raise ConfigurationError(f"beta={self.beta}: must be below 0")

    def __str__(self) -> str:
        return f"{self.quality} {self.beta:g} * |{self.cost}/{self.target:g} - 1|"

    def __call__(self, measurement: Measurement) -> float | Infeasible:
        """See `Reward.__call__`."""
        quality = figure(measurement, self.quality)
        if isinstance(quality, Infeasible):
            return quality
        cost = figure(measurement, self.cost)
        if isinstance(cost, Infeasible):
            return cost
        return quality + self.beta * abs(cost / self.target - 1)
