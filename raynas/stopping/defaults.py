"""The stop rules of a search that has none of its own."""

from __future__ import annotations

from typing import Any

from raynas.space import Space
from raynas.stopping.base import StopRule
from raynas.stopping.convergence import Convergence
from raynas.stopping.failures import FailureShare
from raynas.stopping.improvement import ImprovementLeft, SurrogateGain
from raynas.stopping.no_convergence import NoConvergence

__all__ = ["default_rules"]


def default_rules(
    space: type[Any] | Space[Any], guided: bool = True, negligible: float | None = None
) -> tuple[StopRule, ...]:
    """Failures, convergence and no convergence; what is left to gain where a surrogate knows it.

    Args:
        space: Space of the search.
        guided: Whether a surrogate of a single objective makes the proposals.
        negligible: A difference in reward that you would not notice, see `ImprovementLeft`.

    Raises:
        ConfigurationError: `negligible` is not above 0.
    """
    left = ImprovementLeft(estimate=SurrogateGain(space), negligible=negligible)
    rules = (FailureShare(), Convergence(), NoConvergence())
    return (*rules, left) if guided else rules
