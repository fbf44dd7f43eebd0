"""No convergence: a long stretch of trials in which nothing got better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from raynas.arguments import checked
from raynas.association import average_ranks
from raynas.errors import ConfigurationError
from raynas.objective import Objective
from raynas.power_scaling import UnitScale
from raynas.stopping.base import GO_ON, StopRule, StopWarning
from raynas.stopping.front_curve import DISTANCE, FrontCurve, front_curve
from raynas.stopping.imputed import with_stopped
from raynas.stopping.search_curve import LEAST_FOR_TREND
from raynas.trials import History, Stop
from raynas.two_samples import chance_of_higher
from raynas.wording import counted

__all__ = ["NoConvergence"]

Floats = NDArray[np.float64]

_LEARNED, _PATIENCE = 0.01, 75
"""Level of the test of having learned, and trials. Chosen on 25 searches that are not those of
docs/benchmarks/stopping.md, which all pass it, and on 30 of noise, of which one does.
"""
_PERMUTATIONS = 99  # the smallest p is 1/100, below the level of the rule

_ADVICE = (
    "If the best beat the baseline, train them in full: `raynas train FILE`. Otherwise check that "
    "the trials' training ranks architectures (`raynas proxy FILE variance`), and give the space "
    f"choices that matter. {GO_ON}"
)


@checked
@dataclass(frozen=True)
class NoConvergence(StopRule):
    """Stops when over the last `window` rewards they neither rose nor varied less.

    Three signs of getting on are looked for, one-sided: a trend of the rewards upwards and one of
    their distances from the median downwards (Spearman's rank correlation with the order of the
    trials), and more of the best tenth of the window in its newer half than in its older one.
    While any is there, the search goes on. A search whose rewards are noise cannot be
    distinguished from random search: both stop. Trials that a scheduler stopped
    count by what their curves let expect.

    With several objectives the distance of each trial to the front of all takes the place of the
    reward, negated; and a fourth sign is that the newer half of the window adds more to the
    hypervolume than chance gives it (a permutation test). Where the newer half of the window is
    nearer to the front than the first 50 trials, the search is no noise: it ends only when it is
    twice as long, and 75 trials more, as it took to come within 1 % of the hypervolume. See
    `raynas.stopping.front_curve`.

    To end a search that improves is worse than to let noise go on for another hundred trials. So
    the level of the tests is high: noise shows a sign in a quarter of the windows, but seldom in
    all of those up to trial 700. docs/benchmarks/stopping.md has how slow a rise is found.

    Args:
        window: Number of completed trials looked at, at least 20.
        significance: Level of each test, between 0 and 1.

    Raises:
        ConfigurationError: An argument is out of its range.
    """

    window: int = 500
    significance: float = 0.1

    def __post_init__(self) -> None:
        if self.window < 20:
            raise ConfigurationError(f"window={self.window}: must be at least 20")
        if not 0 < self.significance < 1:
            raise ConfigurationError(
                f"significance={self.significance}: must be above 0 and below 1"
            )

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        del now
        reason = self._standstill(history, self.window)
        return None if reason is None else Stop("no convergence", reason, _ADVICE)

    def warn(self, history: History, now: float) -> StopWarning | None:
        """See `StopRule.warn`: nothing got better over half of the window, at its first filling."""
        del now
        if not self.window // 2 <= len(_series(history)[0]) < self.window:
            return None
        reason = self._standstill(history, self.window // 2)
        if reason is None:
            return None
        return StopWarning(
            "no convergence", f"{reason} At {self.window} that would end the search.", _ADVICE
        )

    def progress(self, history: History, now: float) -> float:
        """See `StopRule.progress`."""
        if self.check(history, now) is not None:
            return 1.0
        return min(0.99, len(_series(history)[0]) / self.window)

    def _standstill(self, history: History, window: int) -> str | None:
        """Words that nothing got better over the last `window` rewards; None if something did."""
        rewards, objective = _series(history)
        if len(rewards) < window:
            return None
        scale = UnitScale.of(rewards[-window:])
        recent = scale(rewards[-window:])
        if _strongest_sign(recent) > _normal_quantile(self.significance):
            return None
        front = front_curve(history)
        if front is not None and (
            _grew_lately(rewards, front, window)
            or _chance_of_growth(front.reach[-window:]) < self.significance
        ):
            return None
        older, newer = recent[: window // 2], recent[window // 2 :]
        means = [objective.show(scale.restored(float(np.mean(part))), 4) for part in (older, newer)]
        spreads = [scale.restored(_spread(part)) for part in (older, newer)]
        return (
            f"Over the last {counted(window, 'completed trial')} {objective.name} did not improve "
            f"(mean {means[0]}, then {means[1]}) and did not vary less "
            f"(mean deviation {spreads[0]:.3g}, then {spreads[1]:.3g})."
        )

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        del now
        completed = len(_series(history)[0])
        least = counted(self.window, "completed trial")
        return f"standstill judged from {least} on, so far {completed}"


def _series(history: History) -> tuple[Sequence[float], Objective]:
    """What must get better, trial by trial, larger being better, and what it is called."""
    front = front_curve(history)
    if front is None:
        history = with_stopped(history)
        return history.rewards, history.objective
    return (-front.behind).tolist(), DISTANCE


def _grew_lately(rewards: Sequence[float], front: FrontCurve, window: int) -> bool:
    """Whether the search has learned, and its front has not stood still for long."""
    if len(rewards) >= front.standstill(_PATIENCE):
        return False
    newer = rewards[-(window // 2) :]
    return chance_of_higher(newer, rewards[:LEAST_FOR_TREND]) < _LEARNED


def _chance_of_growth(reach: Floats) -> float:
    """How likely as much growth of the hypervolume is in the newer half of trials in any order.

    A permutation test, Good 2005, "Permutation, Parametric and Bootstrap Tests of Hypotheses",
    section 1.3.
    """
    rng = np.random.default_rng(0)
    half = len(reach) // 2
    older = reach[:half].max(axis=0).mean()
    drawn = [rng.permutation(len(reach))[:half] for _ in range(_PERMUTATIONS)]
    as_low = sum(reach[rows].max(axis=0).mean() <= older for rows in drawn)
    return float((1 + as_low) / (1 + _PERMUTATIONS))


def _strongest_sign(rewards: Floats) -> float:
    """The largest of the three statistics, each standard normal where nothing changes."""
    if rewards.min() == rewards.max():
        return -math.inf
    distances = np.abs(rewards - np.median(rewards))
    return max(_trend(rewards), -_trend(distances), _more_of_the_best(rewards))


def _trend(values: Floats) -> float:
    """Spearman's rank correlation of `values` with their order, as a standard normal."""
    ranks = average_ranks(values) - (len(values) + 1) / 2
    order = np.arange(len(values)) - (len(values) - 1) / 2
    scale = math.sqrt(float(ranks @ ranks) * float(order @ order))
    return math.sqrt(len(values) - 1) * float(ranks @ order) / scale if scale else 0.0


def _more_of_the_best(rewards: Floats) -> float:
    """Standard errors by which the newer half has more of the best tenth than chance gives."""
    top = rewards >= np.sort(rewards)[-max(1, len(rewards) // 10)]
    newer, all_of_them = int(top[len(top) // 2 :].sum()), int(top.sum())
    expected = all_of_them * (len(top) - len(top) // 2) / len(top)
    variance = expected / 2 * (len(top) - all_of_them) / (len(top) - 1)  # hypergeometric
    return (newer - expected - 0.5) / math.sqrt(variance) if variance else 0.0


@cache
def _normal_quantile(level: float) -> float:
    from scipy.special import ndtri  # scipy.stats takes half a second to import

    return -float(ndtri(level))


def _spread(values: Floats) -> float:
    """Mean absolute deviation from the median."""
    return float(np.mean(np.abs(values - np.median(values))))
