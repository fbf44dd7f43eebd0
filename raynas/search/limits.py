"""Limits of a search: on trials, time, money and failures."""

from __future__ import annotations

import math
from dataclasses import dataclass

from raynas.arguments import checked
from raynas.errors import ConfigurationError
from raynas.stopping import (
    DeviceOffline,
    DeviceTimeLimit,
    FailedLimit,
    MoneyLimit,
    StopRule,
    TimeLimit,
    TrainingLimit,
    TrialLimit,
)

__all__ = ["Limits"]


@checked
@dataclass(frozen=True)
class Limits:
    """Limits of a search on trials, time and cost, and how many trials run at once.

    Args:
        trials: Trials in all.
        trainings: What all trials may cost together, in full trainings, where a search has several
            budgets; None for no limit.
        parallel: Trials at a time; None for as many as fit on the machine or cluster.
        failed: Trials without a valid reward; None for a third of `trials`.
        hours: Wall time during which trials run.
        device_hours: Hours of all trials together, times the devices of each: GPUs where a trial
            reserves any, CPUs otherwise; None for no limit.
        money: What the device hours may cost; None for no limit.
        price: Price of one device hour, in the currency of `money`.
        trial_minutes: Minutes that a run of a trial may take, after which it has failed; None for
            no limit.
        silent_minutes: Minutes in which a trial neither reports nor prints anything, after which
            it has failed; None for no limit.

    Raises:
        ConfigurationError: A limit is not positive, or there is one on money without a price.
    """

    trials: int = 5000
    parallel: int | None = None
    failed: int | None = None
    hours: float = 14 * 24.0
    device_hours: float | None = None
    money: float | None = None
    price: float | None = None
    trial_minutes: float | None = None
    silent_minutes: float | None = None
    trainings: float | None = None

    def __post_init__(self) -> None:
        for name in ("trials", "parallel", "failed"):
            value = getattr(self, name)
            if value is None and name != "trials":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigurationError(
                    f"limits {name}={value!r}: must be a whole number from 1 on"
                )
        for name in (
            *("hours", "device_hours", "money", "price", "trial_minutes", "silent_minutes"),
            "trainings",
        ):
            value = getattr(self, name)
            if value is None and name != "hours":
                continue
            if not isinstance(value, int | float) or not value > 0:
                raise ConfigurationError(f"limits {name}={value!r}: must be above 0")
        if self.money is not None and self.price is None:
            raise ConfigurationError(
                f"limits money={self.money:g} without a price: give price=, that of a device hour"
            )

    def rules(self, devices: float = 1.0, least: float = 1.0) -> tuple[StopRule, ...]:
        """The limits as stop rules.

        Args:
            devices: How many devices each trial reserves.
            least: The lowest budget of a trial.
        """
        failed = math.ceil(self.trials / 3) if self.failed is None else self.failed
        rules: list[StopRule] = [FailedLimit(failed), DeviceOffline(), TimeLimit(self.hours)]
        if self.device_hours is not None:
            rules.append(DeviceTimeLimit(self.device_hours, devices))
        if self.money is not None and self.price is not None:
            rules.append(MoneyLimit(self.money, self.price, devices))
        if self.trainings is not None:
            rules.append(TrainingLimit(self.trainings, least))
        return (*rules, TrialLimit(self.trials))
