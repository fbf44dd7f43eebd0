"""What a search is going to cost and how long it takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from raynas.errors import ConfigurationError
from raynas.renamed import lookup
from raynas.stopping import (
    Convergence,
    DeviceTimeLimit,
    FailedLimit,
    FailureShare,
    MoneyLimit,
    NoConvergence,
    StopRule,
    TimeLimit,
    TrainingLimit,
    TrialLimit,
)
from raynas.trials import History
from raynas.wording import counted

__all__ = ["Range", "Saving", "SearchPlan", "seconds_of_history", "usual_trials"]

_HOUR = 3600.0  # seconds
_USUAL = (1000.0, 3000.0, 5000.0)  # trials where no limit is given; chosen by hand
_LEAST_MEASURED = 5  # trials; the median of fewer is no forecast
_BAD_SHARE = 0.4  # the default of the rule on failures

if not TYPE_CHECKING:
    __getattr__ = lookup(__name__)


@dataclass(frozen=True)
class Range:
    """A figure that is not known exactly: what is likely, and between what it should lie."""

    low: float
    likely: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.likely <= self.high:
            raise ConfigurationError(
                f"range {self.low:g}, {self.likely:g}, {self.high:g}: must be above 0 and rise"
            )

    def map(self, function: Callable[[float], float]) -> Range:
        """`function`, which must rise, of each."""
        return Range(function(self.low), function(self.likely), function(self.high))

    def times(self, other: Range) -> Range:
        """The product of two independent figures.

        Low and high are those of the square root of the sum of the squares of the logarithms'
        distances: that both are at their worst at once is unlikely.
        """
        likely = self.likely * other.likely
        down = math.hypot(math.log(self.likely / self.low), math.log(other.likely / other.low))
        up = math.hypot(math.log(self.high / self.likely), math.log(other.high / other.likely))
        return Range(likely * math.exp(-down), likely, likely * math.exp(up))


@dataclass(frozen=True)
class SearchPlan:
    """What a search is planned to be.

    Attributes:
        trials: Trials until the search converges.
        seconds: Seconds of one trial.
        parallel: Trials at a time.
        gpu: GPUs that each reserves, or what share of one.
        cpu: CPU cores that each reserves.
        limit: Trials at which it ends at the latest.
        price: Price of one hour of a device, which is a GPU if trials reserve any, or else a core;
            None if unknown.
        full_seconds: Seconds of one full training; None if unknown.
        full_trainings: Full trainings after the search.
        words: Source of the figures, as a sentence.
    """

    trials: Range
    seconds: Range
    parallel: int
    gpu: float
    cpu: float
    limit: int
    price: float | None
    full_seconds: float | None
    full_trainings: int
    words: str

    def __post_init__(self) -> None:
        for name in ("parallel", "limit"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name}={getattr(self, name)}: must be at least 1")
        if self.price is not None and not self.price > 0:
            raise ConfigurationError(f"price={self.price:g}: must be above 0")

    @property
    def devices(self) -> float:
        """GPUs of a trial, or where it reserves none its cores."""
        return self.gpu or self.cpu

    @property
    def gpus_reserved(self) -> int:
        """GPUs to reserve: those of a trial, times the trials at a time."""
        return math.ceil(self.parallel * self.gpu - 1e-9)

    @property
    def busy(self) -> Range:
        """Hours of all trials together: trials until convergence times the mean of a trial."""
        return self.trials.times(self.seconds).map(lambda seconds: seconds / _HOUR)

    @property
    def days(self) -> Range:
        """Days of wall time: trials until convergence / parallel times hours of a trial / 24."""
        return self.busy.map(lambda hours: hours / self.parallel / 24)

    @property
    def device_hours(self) -> Range:
        """Hours of all trials, times the devices of each."""
        return self.busy.map(lambda hours: hours * self.devices)

    @property
    def money(self) -> Range | None:
        """What they cost, where the price is known."""
        price = self.price
        return None if price is None else self.device_hours.map(lambda hours: hours * price)

    @property
    def full_equivalents(self) -> Range | None:
        """The search's cost in full trainings: 2,000 trials of 1/30 of one are 67."""
        full = self.full_seconds
        return None if full is None else self.busy.map(lambda hours: hours * _HOUR / full)

    @property
    def stage2_hours(self) -> float | None:
        """Hours of all the full trainings together, where one is known."""
        return (
            None if self.full_seconds is None else self.full_trainings * self.full_seconds / _HOUR
        )

    def hours_at(self, trials: float) -> float:
        """Hours of so many trials together."""
        return trials * self.seconds.likely / _HOUR

    def savings(self, rules: Sequence[StopRule]) -> tuple[Saving, ...]:
        """What each of `rules` would save against running to the trial limit.

        In the order of `rules`; rules that cannot be predicted are left out.
        """
        found = []
        for rule in rules:
            guess = self._fires(rule)
            if guess is not None:
                name, when, trials = guess
                found.append(Saving(name, when, min(self.limit, max(1, round(trials)))))
        return tuple(found)

    def _fires(self, rule: StopRule) -> tuple[str, str, float] | None:
        """A rule's name, in which case it ends a search, and at which trial."""
        match rule:
            case Convergence():
                return "convergence", "the search converges as planned", self.trials.likely
            case NoConvergence(window=window):
                return "no convergence", "rewards are noise: nothing rises", window
            case FailureShare(limit=limit):
                # From the share of failures on that it tolerates, chance needs a few dozen trials.
                return "failure share", f"{_BAD_SHARE:.0%} fail, {limit:.0%} are allowed", 50
            case FailedLimit(failed=failed):
                return "failed limit", "every second trial fails", 2 * failed
            case TimeLimit(hours=hours):
                trials = hours * _HOUR * self.parallel / self.seconds.likely
                return "time limit", f"{counted(hours, 'hour has', 'hours have')} passed", trials
            case DeviceTimeLimit(hours=hours):
                trials = hours * _HOUR / self.devices / self.seconds.likely
                return (
                    "device time limit",
                    f"{counted(hours, 'device hour is', 'device hours are')} used",
                    trials,
                )
            case MoneyLimit(amount=amount, price=price):
                trials = amount / price * _HOUR / self.devices / self.seconds.likely
                return "money limit", f"a cost of {amount:g} is reached", trials
            case TrainingLimit(trainings=trainings) if self.full_seconds is not None:
                trials = trainings * self.full_seconds / self.seconds.likely
                words = counted(trainings, "full training")
                return "training limit", f"the cost of {words} is reached", trials
            case TrialLimit(trials=trials):
                return "trial limit", "no other rule ends it", trials
        return None


@dataclass(frozen=True)
class Saving:
    """The trial at which a stop rule would end a search.

    Attributes:
        rule: Name of the stop rule.
        case: Condition under which the rule stops the search.
        trials: Trial at which the rule stops the search, at most the trial limit.
    """

    rule: str
    case: str
    trials: int


def usual_trials(limit: int, size: float, wanted: float | None = None) -> Range:
    """How many trials a search may take to converge: 1,000 to 5,000, as published.

    Args:
        limit: Trials at which it ends at the latest.
        size: Architectures of the space.
        wanted: The likely figure, where one has a better idea; a third and five thirds of it are
            low and high then.
    """
    likely = _USUAL[1] if wanted is None else wanted
    most = float(min(limit, size))
    scaled = (figure * likely / _USUAL[1] for figure in _USUAL)
    return Range(*(max(1.0, min(most, figure)) for figure in scaled))


def seconds_of_history(history: History) -> Range | None:
    """Seconds of a trial, from those that ended with a reward; None where they are under five.

    Low and high are two standard errors from the mean.
    """
    taken = [trial.ended - trial.started for trial in history.completed if trial.ended is not None]
    taken = [seconds for seconds in taken if seconds > 0]
    if len(taken) < _LEAST_MEASURED:
        return None
    mean = sum(taken) / len(taken)
    variance = sum((seconds - mean) ** 2 for seconds in taken) / (len(taken) - 1)
    error = 2 * math.sqrt(variance / len(taken))
    return Range(max(mean / 2, mean - error), mean, mean + error)
