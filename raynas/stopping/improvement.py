"""Another trial is not worth what it costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.stopping.base import StopRule, StopWarning
from raynas.trials import History, Stop

__all__ = ["ImprovementLeft", "SurrogateGain", "expected_improvement_of_rewards"]

Estimate = Callable[[History], float]

_LEAST = 50
_WINDOW = 100
_WARN_AT = 0.5


def expected_improvement_of_rewards(history: History) -> float:
    """By how much the next trial is expected to raise the best reward, from the rewards alone.

    The excess of the best tenth of the last 100 rewards over their threshold is taken for
    exponential (peaks over threshold, Pickands 1975). Infinite before 50 trials have completed.
    `SurrogateGain` knows more: which architectures are left.
    """
    if len(history.completed) < _LEAST:
        return math.inf
    recent = np.sort(history.rewards[-_WINDOW:])[::-1]
    top = max(2, len(recent) // 10)
    threshold = float(recent[top])
    excess = float(np.mean(recent[:top]) - threshold)
    if excess <= 0:
        return 0.0
    distance = max(history.rewards) - threshold
    return top / len(recent) * math.exp(-distance / excess) * excess


class SurrogateGain:
    """By how much the next trial is expected to raise the best reward, as the surrogate knows it.

    The largest expected improvement that `raynas.controllers.Surrogate` finds, in rewards. It costs
    what a proposal of that controller does, once for each change of the history.

    Args:
        space: Of the search.
    """

    def __init__(self, space: type[Any] | Space[Any]) -> None:
        from raynas.controllers import Surrogate  # SciPy takes a while to import

        self._surrogate = Surrogate(Space.of(space))
        self._known: tuple[History, float] | None = None

    def __call__(self, history: History) -> float:
        """The gain; infinite while there is no model."""
        if self._known is None or self._known[0] is not history:
            self._known = history, self._surrogate.expected_gain(history)
        return self._known[1]


@dataclass(frozen=True)
class ImprovementLeft(StopRule):
    """Stops when the next trial is expected to gain less than it costs.

    In the manner of Xie et al. 2024, "Cost-aware Bayesian Optimization via the Pandora's Box
    Gittins Index", who stop when the expected improvement is below the cost, here in units of
    reward.

    Args:
        price: What a trial costs in reward: the gain below which you would rather not pay for it.
            If a trial takes 0.5 hours and 0.1 % accuracy were worth 50 hours, ``0.001 / 100``.
        estimate: From the history to the gain expected of the next trial, such as
            ``SurrogateGain(space)``; by default `expected_improvement_of_rewards`.
        trials: Completed trials before which it does not stop.

    Raises:
        ConfigurationError: An argument is out of its range.
    """

    price: float
    estimate: Estimate = field(default=expected_improvement_of_rewards)
    trials: int = _LEAST

    def __post_init__(self) -> None:
        if not self.price > 0:
            raise ConfigurationError(f"price={self.price!r}: must be above 0")
        if not callable(self.estimate):
            raise ConfigurationError(
                f"estimate={self.estimate!r}: must be a function of the history"
            )

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        del now
        if len(history.completed) < self.trials:
            return None
        gain = self.estimate(history)
        if not gain < self.price:
            return None
        return Stop(
            "improvement left",
            f"another trial is expected to raise the best reward, {max(history.rewards):.5g}, by "
            f"{gain:.2g}, less than its price of {self.price:.2g}",
            "train the best in full with `raynas train`",
        )

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        del now
        if len(history.completed) < self.trials:
            return f"improvement judged from trial {self.trials} on, now {len(history.completed)}"
        return f"expected gain of a trial {self.estimate(history):.2g} (stops at {self.price:.2g})"

    def progress(self, history: History, now: float) -> float:
        """See `StopRule.progress`."""
        del now
        if len(history.completed) < self.trials:
            return 0.0
        gain = self.estimate(history)
        return 1.0 if gain < self.price else min(0.99, self.price / gain)

    def warn(self, history: History, now: float) -> StopWarning | None:
        """See `StopRule.warn`: the gain is below twice the price."""
        if not _WARN_AT <= self.progress(history, now) < 1:
            return None
        return StopWarning(
            "improvement left",
            self.state(history, now),
            "nothing needs to be done: the search ends soon unless it finds something better",
        )
