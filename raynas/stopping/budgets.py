"""Limits on trials, failed trials, time, device time and money."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

from raynas.arguments import checked
from raynas.errors import ConfigurationError
from raynas.stopping.base import StopRule, StopWarning
from raynas.stopping.search_curve import LEAST_FOR_TREND
from raynas.trials import History, Stop
from raynas.wording import counted

__all__ = [
    "DeviceTimeLimit",
    "FailedLimit",
    "MoneyLimit",
    "TimeLimit",
    "TrainingLimit",
    "TrialLimit",
]

_SECONDS_AN_HOUR = 3600.0  # seconds
_CURVE = "`raynas report FILE` shows whether the search still improves. "
_RAISE = "To go on: raise {} in the Limits of FILE and run `raynas search FILE`."
_WARN_AT = 0.9  # share of a limit: time left to raise it
_ROUNDING = 1e-9  # sums of shares such as 1/60 miss whole numbers by it


class _Limit(StopRule):
    """Warns when nine tenths of a limit are used."""

    @abstractmethod
    def advice(self, history: History) -> str:
        """What to type to go on."""

    @abstractmethod
    def used(self, history: History, now: float) -> float:
        """The share of the limit that is used."""

    def progress(self, history: History, now: float) -> float:
        """See `StopRule.progress`."""
        return min(1.0, self.used(history, now))

    def warn(self, history: History, now: float) -> StopWarning | None:
        """See `StopRule.warn`."""
        if not _WARN_AT <= self.used(history, now) < 1:
            return None
        return StopWarning(
            "limit", f"Nearly used up: {self.state(history, now)}.", self.advice(history)
        )


@checked
@dataclass(frozen=True)
class TrialLimit(_Limit):
    """Stops when `trials` trials have ended."""

    trials: int

    def advice(self, history: History) -> str:
        """What to type to go on."""
        return f"{_curve(history)}To go on: `raynas search FILE --trials {2 * self.trials}`."

    def used(self, history: History, now: float) -> float:
        """The share of the limit that is used."""
        del now
        return len(history.ended) / self.trials

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        del now
        if len(history.ended) < self.trials:
            return None
        ended = counted(len(history.ended), "trial")
        return Stop(
            "trial limit", f"{ended} ended; the limit is {self.trials:,}.", self.advice(history)
        )

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        del now
        return f"trials {len(history.ended)} of {self.trials}"


@checked
@dataclass(frozen=True)
class FailedLimit(_Limit):
    """Stops when `failed` trials have ended without a valid reward."""

    failed: int

    def advice(self, history: History) -> str:
        """What to type to go on."""
        del history
        return f"Fix what fails and start a new search. {_RAISE.format('failed')}"

    def used(self, history: History, now: float) -> float:
        """The share of the limit that is used."""
        del now
        return len(history.failures) / self.failed

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        del now
        bad = len(history.failures)
        if bad < self.failed:
            return None
        return Stop(
            "failed limit",
            f"{bad} of {counted(len(history.ended), 'trial')} ended without a valid reward; the "
            f"limit is {self.failed:,}.",
            self.advice(history),
        )

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        del now
        return f"failed {len(history.failures)} of {self.failed}"


@checked
@dataclass(frozen=True)
class TimeLimit(_Limit):
    """Stops when trials have been running for `hours` hours of wall time.

    Counted is the time during which at least one trial ran, so that neither a pause between two
    sessions nor the number of parallel trials changes it.
    """

    hours: float

    def advice(self, history: History) -> str:
        """What to type to go on."""
        return f"{_curve(history)}{_RAISE.format('hours')}"

    def used(self, history: History, now: float) -> float:
        """The share of the limit that is used."""
        return active_seconds(history, now) / _SECONDS_AN_HOUR / self.hours

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        if now - history.first_start < self.hours * _SECONDS_AN_HOUR:
            return None  # cheaper than the exact figure, which cannot be larger
        used = active_seconds(history, now) / _SECONDS_AN_HOUR
        if used < self.hours:
            return None
        found = f"Trials have been running for {used:.3g} h; the limit is {self.hours:.4g} h."
        return Stop("time limit", found, self.advice(history))

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        used = active_seconds(history, now) / _SECONDS_AN_HOUR
        return f"hours {used:.2g} of {self.hours:.4g}"


@checked
@dataclass(frozen=True)
class DeviceTimeLimit(_Limit):
    """Stops when the trials have used `hours` hours of device time together.

    Args:
        hours: The limit; an hour of one device is one, whoever waits for it.
        devices: How many one trial reserves, or what share of one.

    Raises:
        ConfigurationError: An argument is not positive.
    """

    hours: float
    devices: float = 1.0

    def __post_init__(self) -> None:
        _check_positive(hours=self.hours, devices=self.devices)

    def advice(self, history: History) -> str:
        """What to type to go on."""
        return f"{_curve(history)}{_RAISE.format('device_hours')}"

    def used(self, history: History, now: float) -> float:
        """The share of the limit that is used."""
        return device_hours(history, now, self.devices) / self.hours

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        used = device_hours(history, now, self.devices)
        if used < self.hours:
            return None
        found = f"Trials have used {used:.3g} h of devices; the limit is {self.hours:.4g} h."
        return Stop("device time limit", found, self.advice(history))

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        used = device_hours(history, now, self.devices)
        return f"device hours {used:.2g} of {self.hours:.4g}"


@checked
@dataclass(frozen=True)
class MoneyLimit(_Limit):
    """Stops when the trials have cost `amount`.

    Args:
        amount: The limit, in whatever currency `price` is in.
        price: Price of one device for one hour.
        devices: How many one trial reserves, or what share of one.

    Raises:
        ConfigurationError: An argument is not positive.
    """

    amount: float
    price: float
    devices: float = 1.0

    def __post_init__(self) -> None:
        _check_positive(amount=self.amount, price=self.price, devices=self.devices)

    def advice(self, history: History) -> str:
        """What to type to go on."""
        return f"{_curve(history)}{_RAISE.format('money')}"

    def used(self, history: History, now: float) -> float:
        """The share of the limit that is used."""
        return self._spent(history, now) / self.amount

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        spent = self._spent(history, now)
        if spent < self.amount:
            return None
        hours = spent / self.price
        return Stop(
            "money limit",
            f"Trials have cost {spent:.4g} ({hours:.3g} h of devices at {self.price:.3g}); the "
            f"limit is {self.amount:.4g}.",
            self.advice(history),
        )

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        return f"spent {self._spent(history, now):.2g} of {self.amount:.4g}"

    def _spent(self, history: History, now: float) -> float:
        return device_hours(history, now, self.devices) * self.price


def _curve(history: History) -> str:
    """Advice where to look for a trend, if the trials can show one."""
    return _CURVE if len(history.completed) >= LEAST_FOR_TREND else ""


def device_hours(history: History, now: float, devices: float) -> float:
    """Hours that all trials of `history` ran, up to `now`, times the devices of each."""
    seconds = history.seconds + sum(max(0.0, now - t.started) for t in history.running)
    return max(0.0, seconds) * devices / _SECONDS_AN_HOUR


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ConfigurationError(f"{name}={value!r}: must be above 0")


def active_seconds(history: History, now: float) -> float:
    """Seconds during which at least one trial of `history` was running, up to `now`."""
    total, covered = 0.0, float("-inf")
    for start, end in sorted((t.started, now if t.ended is None else t.ended) for t in history):
        total += max(0.0, end - max(start, covered))
        covered = max(covered, end)
    return total


@checked
@dataclass(frozen=True)
class TrainingLimit(_Limit):
    """Stops when ended trials cost so much that no other one fits, in full trainings.

    Args:
        trainings: The limit.
        least: The lowest budget of a trial.
    """

    trainings: float
    least: float = 1.0

    def advice(self, history: History) -> str:
        """What to type to go on."""
        go_on = f"To go on: `raynas search FILE --trainings {2 * self.trainings:g}`."
        if not history.at_budget(1.0).completed:
            return f"Train the best in full: `raynas train FILE`. {go_on}"
        return (
            "Write the winner, trained in full: `raynas export FILE`. Train in full what may be "
            f"better: `raynas train FILE`. {go_on}"
        )

    def used(self, history: History, now: float) -> float:
        """The share of the limit that is used."""
        del now
        return self._cost(history) / self.trainings

    def check(self, history: History, now: float) -> Stop | None:
        """See `StopRule.check`."""
        del now
        cost = self._cost(history)
        if cost + self.least <= self.trainings + _ROUNDING:
            return None
        return Stop(
            "training limit",
            f"{counted(len(history.ended), 'trial')} cost {cost:.2f} full trainings; the limit is "
            f"{self.trainings:g}.",
            self.advice(history),
        )

    def state(self, history: History, now: float) -> str:
        """See `StopRule.state`."""
        del now
        return f"cost {self._cost(history):.2f} of {self.trainings:g} full trainings"

    def _cost(self, history: History) -> float:
        return math.fsum(trial.budget for trial in history.ended)
