"""Another trial is not worth what it costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from raynas.arguments import checked
from raynas.errors import ConfigurationError
from raynas.power_scaling import UnitScale
from raynas.space import Space
from raynas.stopping.base import GO_ON, StopRule, StopWarning
from raynas.stopping.front_curve import NEGLIGIBLE, front_curve
from raynas.stopping.search_curve import LEAST_FOR_TREND, rise
from raynas.trials import History, Stop, Trial
from raynas.wording import counted

if TYPE_CHECKING:
    from raynas.controllers import Surrogate, SurrogatePareto

__all__ = ["ImprovementLeft", "SurrogateGain", "expected_improvement_of_rewards"]

Estimate = Callable[[History, float], float]

_WINDOW = 100  # trials: the latest, as those before were proposed by another model
_SHARE_OF_RISE = 0.03  # chosen on the tables of benchmarks/stopping.py
_LEAST_OF_A_FRONT, _PATIENCE_OF_A_FRONT = 200, 75
"""Trials, chosen on the tables of benchmarks/front_stops.py."""
_COUNTED, _PRICE = 0.5, 0.003  # chosen on the tables of benchmarks/surrogate_gain.py
_WARN_AT = 0.5  # share of the way


def expected_improvement_of_rewards(history: History, beyond: float = 0.0) -> float:
    """What the next trial is expected to gain over the best reward, from the rewards alone.

    Only what it gains `beyond` so much counts. The excess of the best tenth of the last 100 rewards
    over their threshold is taken for exponential (peaks over threshold, Pickands 1975). Infinite
    before 50 trials have completed. `SurrogateGain` knows more: which architectures are left.

    With several objectives it is what a trial of the newer half added to the hypervolume, as a
    share of it, from 200 trials on; it is infinite unless the search is twice as long, and 75
    trials more, as it took to come within 1 % of the hypervolume. `beyond` plays no part, as gains
    add up.
    """
    if len(history.completed) < LEAST_FOR_TREND:
        return math.inf
    front = front_curve(history)
    if front is not None:
        half = len(history.completed) // 2
        if len(history.completed) < max(_LEAST_OF_A_FRONT, front.standstill(_PATIENCE_OF_A_FRONT)):
            return math.inf
        return front.growth(len(history.completed) - half) / half
    scale = UnitScale.of(history.rewards)
    recent = np.sort(scale(history.rewards[-_WINDOW:]))[::-1]
    top = max(2, len(recent) // 10)
    threshold = float(recent[top])
    excess = float(np.mean(recent[:top]) - threshold)
    if excess <= 0:
        return 0.0
    distance = float(scale(max(history.rewards)) + scale(beyond)) - threshold
    return scale.restored(top / len(recent) * math.exp(-distance / excess) * excess)


@checked
class SurrogateGain:
    """What the next trial is expected to gain over the best reward, as the surrogate knows it.

    The largest expected improvement that `raynas.controllers.Surrogate` finds, in rewards; only
    what it gains ``beyond`` so much counts. With several objectives it is the largest expected
    hypervolume improvement that `raynas.controllers.SurrogatePareto` finds, as a share of the
    hypervolume; see `SurrogatePareto.expected_gain` for the reference point. It costs what a
    proposal of that controller does, once for each trial that ends.

    Args:
        space: Space of the search.
    """

    def __init__(self, space: type[Any] | Space[Any]) -> None:
        self._space = Space.of(space)
        self._known: tuple[Sequence[Trial], Sequence[Trial], float, float] | None = None

    def __call__(self, history: History, beyond: float = 0.0) -> float:
        """The gain; infinite while there is no model."""
        done, bad = history.completed, history.unrewarded
        known = self._known
        if known is None or known[0] is not done or known[1] is not bad or known[2] != beyond:
            if front_curve(history) is None:
                gain = self._surrogate.expected_gain(history, beyond)
            else:
                gain = self._surrogate_pareto.expected_gain(history)
            self._known = known = done, bad, beyond, gain
        return known[3]

    @cached_property
    def _surrogate(self) -> Surrogate:
        from raynas.controllers import Surrogate  # SciPy takes a while to import

        return Surrogate(self._space)

    @cached_property
    def _surrogate_pareto(self) -> SurrogatePareto:
        from raynas.controllers import SurrogatePareto

        return SurrogatePareto(self._space)


@checked
@dataclass(frozen=True)
class ImprovementLeft(StopRule):
    """Stops when the next trial is expected to gain less than it costs.

    In the manner of Xie et al. 2024, "Cost-aware Bayesian Optimization via the Pandora's Box
    Gittins Index", who stop when the expected improvement is below the cost, here in units of
    reward. With several objectives what counts is the hypervolume of the front: gains, `price` and
    `negligible` are shares of it.

    Args:
        price: What a trial costs in reward: the gain below which you would rather not pay for it.
            If a trial takes 0.5 hours and 0.1 % accuracy were worth 50 hours, ``0.001 / 100``.
            None for 0.3 % of `negligible`.
        estimate: Function from the history and an amount to what the next trial is expected to
            gain beyond that amount over the best reward, such as ``SurrogateGain(space)``; by
            default `expected_improvement_of_rewards`.
        patience: Trials that must have completed since the best one, or since the hypervolume was
            within `negligible` of what it is. The estimate is made only from then on.
        negligible: A difference in reward that you would not notice, such as 0.001 of accuracy;
            gains count from half of it on. None for none where there is a `price`, else for 3 % of
            the way from the median of the first 20 rewards to the best, or 1 % of the hypervolume
            of several objectives.

    Raises:
        ConfigurationError: An argument is out of its range.
    """

    price: float | None = None
    estimate: Estimate = field(default=expected_improvement_of_rewards)
    patience: int = 20
    negligible: float | None = None

    def __post_init__(self) -> None:
        for name in ("price", "negligible"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ConfigurationError(f"{name}={value!r}: must be above 0 and finite")
        if self.patience < 1:
            raise ConfigurationError(f"patience={self.patience!r}: must be at least 1")
        if not callable(self.estimate):
            raise ConfigurationError(
                f"estimate={self.estimate!r}: must be a function of a history and an amount"
            )

    @property
    def costly(self) -> bool:
        """See `StopRule.costly`: where the estimate is not that of the rewards alone."""
        return self.estimate is not expected_improvement_of_rewards

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        del now
        look = self._look(history)
        if look is None or not look.gain < look.price:
            return None
        return Stop(
            "improvement left",
            self._found(history, look),
            f"Train the best in full: `raynas train FILE`. {GO_ON}",
        )

    def _found(self, history: History, look: _ExpectedGain) -> str:
        which = "untried architecture" if self.costly else "further trial"
        front = front_curve(history)
        if front is not None:
            return (
                f"No {which} is expected to add more than {100 * look.gain:.2g} % to the "
                f"hypervolume of the front, above {front.described(history.shown_as)}: less than "
                f"the price of a trial, {100 * look.price:.2g} %."
            )
        objective = history.objective
        best = f"the best {objective.name} ({objective.show(max(history.rewards))})"
        known = f"{look.gain:.2g}, less than the price of a trial, {look.price:.2g}"
        if look.beyond:
            return (
                f"No {which} is expected to beat {best} by more than {look.beyond:.2g}: the "
                f"expected gain beyond that is {known}."
            )
        return f"The next trial is expected to improve {best} by {known}."

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        del now
        look = self._look(history)
        if look is None:
            since = self._since_best(history)
            trials = counted(self.patience, "trial")
            return f"improvement judged {trials} after the best, so far {since}"
        return f"expected gain of a trial {look.gain:.2g}{look.counted} (stops at {look.price:.2g})"

    def progress(self, history: History, now: float) -> float:
        """See `StopRule.progress`."""
        del now
        look = self._look(history)
        if look is None or not look.price:
            return 0.0
        return 1.0 if look.gain < look.price else min(0.99, look.price / look.gain)

    def warn(self, history: History, now: float) -> StopWarning | None:
        """See `StopRule.warn`: the gain is below twice the price."""
        if not _WARN_AT <= self.progress(history, now) < 1:
            return None
        return StopWarning(
            "improvement left",
            f"{self.state(history, now).capitalize()}.",
            "Nothing needs to be done: the search ends soon unless it finds something better.",
        )

    def _look(self, history: History) -> _ExpectedGain | None:
        """What there is to compare; None while the best trial is too recent."""
        if self._since_best(history) < self.patience:
            return None
        if front_curve(history) is not None:
            price = _PRICE * self._share if self.price is None else self.price
            return _ExpectedGain(self.estimate(history, 0.0), price, 0.0)
        negligible = self.negligible
        if negligible is None:
            negligible = _SHARE_OF_RISE * rise(history.rewards) if self.price is None else 0.0
        price = _PRICE * negligible if self.price is None else self.price
        beyond = _COUNTED * negligible
        return _ExpectedGain(self.estimate(history, beyond), price, beyond)

    @property
    def _share(self) -> float:
        """The share of the hypervolume that nobody would notice."""
        return NEGLIGIBLE if self.negligible is None else self.negligible

    def _since_best(self, history: History) -> int:
        """Trials that have completed since the best one, or since the front is as good as it is."""
        front = front_curve(history)
        if front is None:
            return history.since_best
        return len(history.completed) - front.older_than(self._share)


class _ExpectedGain(NamedTuple):
    """What a trial is expected to gain beyond an amount, and what it costs, in rewards."""

    gain: float
    price: float
    beyond: float

    @property
    def counted(self) -> str:
        """Smallest gain of a trial that counts, in words."""
        return f" beyond {self.beyond:.2g}" if self.beyond else ""
