"""Rule T3: a long stretch of trials in which nothing got better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raynas.errors import ConfigurationError
from raynas.stopping.base import StopRule, StopWarning
from raynas.trials import History, Stop

__all__ = ["NoConvergence"]

_ADVICE = (
    "train the best in full if they beat the baseline; otherwise check that the proxy task ranks "
    "architectures, and give the space choices that matter"
)


@dataclass(frozen=True)
class NoConvergence(StopRule):
    """Stops when over the last `window` rewards they neither rose nor varied less.

    The older half of the window is compared with the newer one: a rise is looked for with the
    Mann-Whitney U test, a fall of the variance with the Brown-Forsythe test (Levene's, around
    the median), one-sided both; and so is a rise of the best only, as more of the best tenth of
    the window in the newer half than chance explains (Fisher's exact test). While any of them
    finds something, the search goes on. A search whose rewards are noise cannot be told from
    random search: both stop.

    Args:
        window: Number of completed trials looked at, at least 20.
        significance: Level of each test, between 0 and 1.

    Raises:
        ConfigurationError: An argument is out of its range.
    """

    window: int = 500
    significance: float = 0.01

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
        if not self.window // 2 <= len(history.completed) < self.window:
            return None
        reason = self._standstill(history, self.window // 2)
        if reason is None:
            return None
        return StopWarning(
            "no convergence", f"{reason}; at {self.window} that would end the search", _ADVICE
        )

    def progress(self, history: History, now: float) -> float:
        """See `StopRule.progress`."""
        if self.check(history, now) is not None:
            return 1.0
        return min(0.99, len(history.completed) / self.window)

    def _standstill(self, history: History, window: int) -> str | None:
        """That nothing got better over the last `window` rewards, in words; None if it did."""
        if len(history.completed) < window:
            return None
        recent = history.rewards[-window:]
        older, newer = recent[: window // 2], recent[window // 2 :]
        if min(recent) < max(recent) and (
            self._rises(older, newer)
            or (_spread(newer) < _spread(older) and self._varies_less(older, newer))
        ):
            return None
        return (
            f"over the last {window} completed trials the reward did not rise "
            f"(mean {_mean(older):.4g}, then {_mean(newer):.4g}) and its spread did not fall "
            f"(mean deviation {_spread(older):.3g}, then {_spread(newer):.3g})"
        )

    def _rises(self, older: tuple[float, ...], newer: tuple[float, ...]) -> bool:
        from scipy import stats

        rise = stats.mannwhitneyu(newer, older, alternative="greater")
        if rise.pvalue < self.significance:
            return True
        top = sorted((*older, *newer), reverse=True)[: (len(older) + len(newer)) // 10]
        among = sum(value >= top[-1] for value in newer), sum(value >= top[-1] for value in older)
        total = len(older) + len(newer)
        chance = stats.hypergeom.sf(among[0] - 1, total, sum(among), len(newer))
        return bool(chance < self.significance)

    def _varies_less(self, older: tuple[float, ...], newer: tuple[float, ...]) -> bool:
        from scipy import stats

        with np.errstate(divide="ignore"):  # where deviations are equal within each half
            fall = stats.levene(older, newer, center="median")
        return bool(fall.pvalue / 2 < self.significance)

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        del now
        return f"standstill judged from trial {self.window} on, now {len(history.rewards)}"


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / len(values)


def _spread(values: tuple[float, ...]) -> float:
    """Mean absolute deviation from the median, what the Brown-Forsythe test compares."""
    median = sorted(values)[len(values) // 2]
    return _mean(tuple(abs(value - median) for value in values))
