"""Failures: too many trials end without a valid reward."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from raynas.arguments import checked
from raynas.errors import ConfigurationError
from raynas.stopping.base import GO_ON, StopRule, StopWarning
from raynas.trials import History, Stop
from raynas.wording import counted

__all__ = ["FailureShare"]

_HORIZONS = 5
"""Times the horizon after which the chance of a false stop is computed: the rest adds nothing."""
_LEAST_TO_WARN = 3  # failures; fewer happen in sound searches
_ADVICE = (
    "Fix what fails, or take it out of the space, and start a new search; trials.csv has the "
    f"error of each trial. {GO_ON}"
)


@checked
@dataclass(frozen=True)
class FailureShare(StopRule):
    """Stops when more than `limit` of the trials have no valid reward, on enough evidence.

    A share above the limit is not enough: two failures in the first five trials happen by
    chance. A sequential test of a failure probability of 1/2 `limit` says how many failures are
    evidence: the error is spent evenly over the first 20 / `limit` trials (Lan and DeMets 1983,
    "Discrete Sequential Boundaries for Clinical Trials", Biometrika 70, with a linear spending
    function), the boundary being computed exactly from the binomial distribution. A search that
    fails with probability 1/2 `limit` at most is stopped in error with probability `error` at
    most, however long it runs; with the defaults one that fails with probability 0.3 is stopped
    within 100 trials with probability 0.99. Trials outside a bound of the user's do not count,
    and neither do those that wait for a device.

    Args:
        limit: Share of failed and infeasible trials that is too much, between 0 and 2/3.
        error: Probability of a false stop, between 0 and 1.

    Raises:
        ConfigurationError: An argument is out of its range.
    """

    limit: float = 0.2
    error: float = 0.01

    def __post_init__(self) -> None:
        if not 0 < self.limit < 2 / 3:
            raise ConfigurationError(f"limit={self.limit}: must be above 0 and below 2/3")
        if not 0 < self.error < 1:
            raise ConfigurationError(f"error={self.error}: must be above 0 and below 1")

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        del now
        bad, ended = _counted(history)
        if not ended or bad < self.needed(ended):
            return None
        return Stop(
            "failures", f"{self._found(history)}; most often: {_commonest(history)}.", _ADVICE
        )

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        del now
        bad, ended = _counted(history)
        return f"failures {bad} of {ended}, {self.limit:.0%} allowed"

    def progress(self, history: History, now: float) -> float:
        """See `StopRule.progress`."""
        del now
        bad, ended = _counted(history)
        return min(1.0, bad / self.needed(ended)) if ended else 0.0

    def warn(self, history: History, now: float) -> StopWarning | None:
        """See `StopRule.warn`: the share is above the limit, on too little evidence so far."""
        bad, ended = _counted(history)
        if bad < _LEAST_TO_WARN or bad <= self.limit * ended or self.check(history, now):
            return None
        reason = f"{self._found(history)} ({self.needed(ended)} of {ended} would end the search)"
        return StopWarning("failures", f"{reason}; most often: {_commonest(history)}.", _ADVICE)

    def needed(self, ended: int) -> int:
        """How many of `ended` trials must be without a reward for a stop."""
        evidence = _boundary(self.limit, self.error)
        share = math.floor(self.limit * ended) + 1
        return max(share, evidence[ended]) if ended < len(evidence) else share

    def _found(self, history: History) -> str:
        bad, ended = _counted(history)
        return (
            f"{bad} of {counted(ended, 'trial')} ({bad / ended:.0%}) ended without a valid reward, "
            f"more than the {self.limit:.0%} allowed"
        )


@lru_cache(maxsize=16)
def _boundary(limit: float, error: float) -> Sequence[int]:
    """Failures that are evidence, by the number of ended trials.

    It ends where the share alone is evidence: at five times the trials over which the error is
    spent, a share above the limit has a probability of some 1e-9 (Chernoff) where half the limit
    is true.
    """
    horizon = 20 / limit
    tolerated = limit / 2
    reached = np.zeros(round(_HORIZONS * horizon) + 2)  # probability of each count, no stop yet
    reached[0] = 1.0
    needed, spent = [1], 0.0
    for ended in range(1, len(reached) - 1):
        reached[1:] = reached[1:] * (1 - tolerated) + reached[:-1] * tolerated
        reached[0] *= 1 - tolerated
        tail = np.cumsum(reached[::-1])[::-1]
        budget = max(0.0, error * min(1.0, ended / horizon) - spent)
        enough = max(int(np.argmax(tail <= budget)), math.floor(limit * ended) + 1)
        spent += float(tail[enough])
        reached[enough:] = 0.0
        needed.append(enough)
    return tuple(needed)


def _counted(history: History) -> tuple[int, int]:
    """Failures, and the trials that they are a share of: those that were tried in full."""
    apart = len(history.outside) + len(history.deferred)
    return len(history.failures), len(history.ended) - apart


def _commonest(history: History) -> str:
    (reason, count), *_ = Counter(trial.reason for trial in history.failures).most_common(1)
    return f"{reason} ({counted(count, 'time')})"
