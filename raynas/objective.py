"""What a search optimizes, as its user measures it: the metric's name, unit and direction.

Controllers and stop rules maximize rewards, for which a minimized metric changes its sign. People
read the metric itself: everything shown goes through `Objective`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Mode", "Objective"]

Mode: TypeAlias = Literal["max", "min"]
"""Whether larger or smaller values are better."""


@dataclass(frozen=True)
class Objective:
    """One objective, for display.

    Attributes:
        name: Name of the metric, or formula of the reward.
        mode: Whether larger or smaller figures are better.
    """

    name: str = "reward"
    mode: Mode = "max"

    @property
    def column(self) -> str:
        """Column title in tables for programs: ``reward``, or the axis of a minimized metric."""
        return "reward" if self.mode == "max" else self.axis

    @property
    def direction(self) -> str:
        """``"higher"`` or ``"lower"``: which figures are better."""
        return "higher" if self.mode == "max" else "lower"

    @property
    def axis(self) -> str:
        """Title of an axis."""
        return self.name if self.mode == "max" else f"{self.name} (lower is better)"

    def figure(self, reward: float) -> float:
        """The figure that a user measures, from a reward or from any affine image of rewards."""
        return reward if self.mode == "max" else 0.0 - reward

    def show(self, reward: float, digits: int = 5) -> str:
        """`figure` as text with up to `digits` significant digits."""
        return f"{self.figure(reward):.{digits}g}"
