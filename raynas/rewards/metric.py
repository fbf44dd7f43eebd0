"""The plainest reward: one metric, as it is or with its sign changed."""

from __future__ import annotations

from dataclasses import dataclass

from raynas.arguments import checked
from raynas.errors import ConfigurationError
from raynas.rewards.base import Objective, Reward
from raynas.rewards.figures import figure
from raynas.trials import Infeasible, Measurement, Mode

__all__ = ["Metric"]


@checked
@dataclass(frozen=True)
class Metric(Reward):
    """Metric `name` of the measurement, negated where `mode` is ``"min"``.

    A missing, NaN or infinite metric makes the trial infeasible.

    Raises:
        ConfigurationError: `mode` is neither ``"max"`` nor ``"min"``.
    """

    name: str
    mode: Mode = "max"

    def __post_init__(self) -> None:
        if self.mode not in ("max", "min"):
            raise ConfigurationError(f"mode={self.mode!r}: use 'max' or 'min'")

    def __str__(self) -> str:
        return self.name if self.mode == "max" else f"-{self.name}"

    @property
    def axes(self) -> tuple[Objective, ...]:
        """See `Reward.axes`."""
        return (Objective(self.name, self.mode),)

    def __call__(self, measurement: Measurement) -> float | Infeasible:
        """See `Reward.__call__`."""
        value = figure(measurement, self.name)
        return -value if not isinstance(value, Infeasible) and self.mode == "min" else value
