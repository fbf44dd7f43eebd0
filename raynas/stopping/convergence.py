"""Convergence: the search has settled, and what it proposes no longer gets better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from raynas.arguments import checked
from raynas.errors import ConfigurationError
from raynas.objective import Objective
from raynas.power_scaling import UnitScale
from raynas.stopping.base import GO_ON, StopRule, StopWarning
from raynas.stopping.front_curve import DISTANCE, front_curve
from raynas.stopping.imputed import with_stopped
from raynas.stopping.search_curve import LEAST_FOR_TREND, START, rise
from raynas.trials import History, Stop
from raynas.two_samples import chance_of_higher, chance_of_spreads
from raynas.wording import counted

__all__ = ["Convergence"]

Floats = NDArray[np.float64]

_TAIL = 0.1  # share of the window above the threshold: ten of a hundred, as in SurrogateGain
_SHARE_OF_RISE, _SHARE_OF_VOLUME = 0.025, 0.0025
"""Chosen on the tables of benchmarks/stopping.py and benchmarks/front_stops.py."""
_STRETCH, _STRETCH_OF_A_FRONT = 1.5, 1.25
"""Chosen on the same: a front has to stand still for longer after gains of more than 1 %."""
_WARN_AT = 0.75  # share of the way: time left to prepare stage 2


@checked
@dataclass(frozen=True)
class Convergence(StopRule):
    """Stops when the rewards have settled and a better one is no longer to be expected.

    All of these must hold, over the rewards in the order in which trials were asked:

    - *Settled*: the last `window` rewards vary less than the first 20 did (Brown-Forsythe test),
      or are higher (Mann-Whitney U test), so that a curve that starts high need not rise; or most
      of the last `window` proposals repeat one another. Random search never settles.
    - *No growth*: the newer half of the window is not higher than the older half.
    - *A plateau*: the best reward has grown by `tolerance` at most since the search had
      ``(trials - patience) / stretch`` trials.
    - *Nothing in sight*: were the search to go on for half as many trials again, the number
      expected to beat the best by more than `tolerance` is at most `expected`. Estimated from the
      best tenth of the window, whose excess over its threshold is taken for exponential (the
      peaks over threshold of Pickands 1975, "Statistical Inference Using Extreme Order
      Statistics", Annals of Statistics 3, with shape 0).

    Trials that a scheduler stopped count by what their curves let expect, see `with_stopped`.

    With several objectives the distance of each trial to the front of all takes the place of the
    reward, negated; the plateau is one of the hypervolume, of which `tolerance` is a share, and
    the search must be twice as long, and `patience` more, as it took to come within 1 % of what
    the hypervolume is; and what is in sight is not estimated. See `raynas.stopping.front_curve` for
    distance, hypervolume and reference point.

    An architecture that the window holds twice counts once, so that a controller that repeats
    its winner does not by that look like one that has settled on a level.

    docs/benchmarks/stopping.md has what the defaults cost and save.

    Args:
        tolerance: Gain in reward that is not worth waiting for; None for 2.5 % of the way from
            the median of the first 20 rewards to the best, and for 0.25 % of the hypervolume of
            several objectives.
        expected: Number of better trials still expected, above 0.
        stretch: How many times longer than it took to reach the plateau the search must be, at
            least 1; None for 1.5, and for 1.25 with several objectives.
        patience: Trials that a plateau must last whatever its beginning, at least 1.
        window: Number of completed trials looked at, at least 20; fewer while there are fewer,
            from 50 on.
        significance: Level of the tests of being settled. They are made at every trial, and
            corrected for that only by being small.

    Raises:
        ConfigurationError: An argument is out of its range.
    """

    tolerance: float | None = None
    expected: float = 0.05
    stretch: float | None = None
    patience: int = 75
    window: int = 100
    significance: float = 1e-3

    def __post_init__(self) -> None:
        rules = (
            ("tolerance", self.tolerance is None or self.tolerance >= 0, "must be 0 or above"),
            ("expected", self.expected > 0, "must be above 0"),
            ("stretch", self.stretch is None or self.stretch >= 1, "must be at least 1"),
            ("patience", self.patience >= 1, "must be at least 1"),
            ("window", self.window >= 20, "must be at least 20"),
            ("significance", 0 < self.significance < 1, "must be above 0 and below 1"),
        )
        for name, fine, rule in rules:
            if not fine:
                raise ConfigurationError(f"{name}={getattr(self, name)}: {rule}")

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        del now
        look = self._look(history)
        if look is None or look.waited < 1 or look.ahead > self.expected:
            return None
        settled = look.settled(self.significance)
        if settled is None or look.still_rising:
            return None
        return Stop(
            rule="convergence",
            reason=(
                f"{_plateau(history, look)}; {settled}."
                + ("" if look.is_of_a_front else f" {look.outlook}.")
            ),
            advice="Train the best in full: `raynas train FILE`. For a space to search next: "
            f"`raynas refine FILE`. {GO_ON}",
        )

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        del now
        look = self._look(history)
        if look is None:
            completed = len(history.completed)
            return (
                f"convergence judged from {LEAST_FOR_TREND} completed trials on, so far {completed}"
            )
        ahead = f", {look.ahead:.2g} better ones in sight (stops at {self.expected:.2g})"
        return (
            f"plateau {look.count - look.plateau_from} of "
            f"{counted(look.needed - look.plateau_from, 'trial')}"
            f"{'' if look.is_of_a_front else ahead}"
        )

    def progress(self, history: History, now: float) -> float:
        """See `StopRule.progress`."""
        if self.check(history, now) is not None:
            return 1.0
        look = self._look(history)
        if look is None:
            return 0.0
        return min(0.99, look.waited, self.expected / max(look.ahead, self.expected))

    def warn(self, history: History, now: float) -> StopWarning | None:
        """See `StopRule.warn`: most of the way to a stop lies behind."""
        look = self._look(history)
        near = look is not None and self.progress(history, now) >= _WARN_AT
        if look is None or not near or self.check(history, now) is not None:
            return None
        return StopWarning(
            "convergence",
            f"{_plateau(history, look)}.",
            "Nothing needs to be done: the search ends soon unless it finds something better.",
        )

    def _look(self, history: History) -> _Signals | None:
        front = front_curve(history)
        shown = history if front else with_stopped(history)
        if len(shown.completed) < LEAST_FOR_TREND:
            return None
        rewards = np.asarray(shown.rewards) if front is None else -front.behind
        best = np.maximum.accumulate(rewards) if front is None else front.hypervolume
        tolerance = self.tolerance
        if tolerance is None:
            known = front is not None
            tolerance = _SHARE_OF_VOLUME if known else _SHARE_OF_RISE * rise(shown.rewards)
        lacking = tolerance if front is None else tolerance * float(best[-1])
        plateau_from = int(np.searchsorted(best, best[-1] - lacking)) + 1
        stretch = self.stretch or (_STRETCH if front is None else _STRETCH_OF_A_FRONT)
        needed = math.ceil(stretch * plateau_from) + self.patience
        if front is not None:
            needed = max(needed, front.standstill(self.patience, tolerance))
        recent = shown.completed[-self.window :]
        distinct = {t.architecture: r for t, r in zip(recent, rewards[-self.window :], strict=True)}
        return _Signals(
            rewards,
            tuple(distinct.values()),
            len(recent),
            tolerance,
            plateau_from,
            needed,
            shown.objective if front is None else DISTANCE,
        )


def _plateau(history: History, look: _Signals) -> str:
    since = f"since {look.plateau_from:,} of {counted(look.count, 'completed trial')}"
    front = front_curve(history)
    if front is not None:
        return (
            f"The hypervolume of the front, above {front.described(history.shown_as)}, has grown "
            f"by no more than {100 * look.tolerance:.2g} % {since}"
        )
    objective = history.objective
    return (
        f"The best {objective.name} ({objective.show(look.best)}) has improved by no more than "
        f"{look.tolerance:.2g} {since}"
    )


@dataclass(frozen=True)
class _Signals:
    """The figures that the rule goes by.

    Attributes:
        rewards: All, in ask order.
        recent: Rewards of the architectures of the window.
        window: Trials in it.
        tolerance: Gain in reward that does not count.
        plateau_from: Completed trials when the best was within `tolerance` of what it is.
        needed: Completed trials from which the plateau is long enough.
        objective: What the rewards are.
    """

    rewards: Floats
    recent: tuple[float, ...]
    window: int
    tolerance: float
    plateau_from: int
    needed: int
    objective: Objective

    @property
    def count(self) -> int:
        return len(self.rewards)

    @property
    def best(self) -> float:
        return float(self.rewards.max())

    @property
    def waited(self) -> float:
        """How much of the plateau that is needed there is; 1 and more is enough."""
        return (self.count - self.plateau_from) / (self.needed - self.plateau_from)

    @property
    def is_of_a_front(self) -> bool:
        """Whether there are several objectives."""
        return self.objective is DISTANCE

    @property
    def outlook(self) -> str:
        """What is in sight, in words."""
        more = counted(self.count // 2, "trial")
        return f"Another {more} would beat it by more than that {self.ahead:.2g} times on average"

    @cached_property
    def ahead(self) -> float:
        """Trials expected to beat the best by more than the tolerance in half as many again.

        Of a front nothing is estimated, and it is 0.
        """
        if self.is_of_a_front:
            return 0.0
        scale = UnitScale.of(self.rewards)
        ordered = np.sort(scale(self.recent))[::-1]
        top = max(2, round(_TAIL * len(ordered)))
        if len(ordered) <= top:
            return 0.0
        threshold = float(ordered[top])
        excess = float(np.mean(ordered[:top] - threshold))
        distance = float(scale(self.best) + scale(self.tolerance)) - threshold
        share = top / self.window
        beyond = math.exp(-distance / excess) if excess > 0 else float(distance <= 0)
        return self.count / 2 * share * beyond

    def settled(self, significance: float) -> str | None:
        """Evidence that the rewards have settled, in words; None where they have not."""
        if 2 * len(self.recent) < self.window:
            return f"only {len(self.recent)} of the last {counted(self.window, 'proposal')} differ"
        objective = self.objective
        scale = UnitScale.of(self.rewards)
        start, recent = scale(self.rewards[:START]), scale(self.recent)
        before, after = _deviation(start), _deviation(recent)
        if after < before and chance_of_spreads(start, recent) / 2 < significance:
            return (
                f"the mean deviation of {objective.name} fell from "
                f"{scale.restored(before):.2g} in the first {counted(len(start), 'trial')} to "
                f"{scale.restored(after):.2g}"
            )
        if chance_of_higher(recent, start) < significance:
            medians = (scale.restored(float(np.median(part))) for part in (start, recent))
            first, last = (objective.show(median, 4) for median in medians)
            trials = counted(len(start), "trial")
            return (
                f"the median {objective.name} improved from {first} in the first {trials} to {last}"
            )
        return None

    @property
    def still_rising(self) -> bool:
        window = self.rewards[-self.window :]
        older, newer = window[: self.window // 2], window[self.window // 2 :]
        if window.min() == window.max():
            return False
        return chance_of_higher(newer, older) < 0.01


def _deviation(values: Floats) -> float:
    """Mean absolute deviation from the median, what the Brown-Forsythe test compares."""
    return float(np.mean(np.abs(values - np.median(values))))
