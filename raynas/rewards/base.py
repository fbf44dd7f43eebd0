"""The role of a reward, and the one place where it is applied."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from raynas.arguments import is_number
from raynas.errors import ConfigurationError
from raynas.objective import Objective
from raynas.redaction import redacted
from raynas.trials import Completed, Infeasible, Measurement
from raynas.wording import counted

__all__ = ["Reward", "check_shown", "judge"]


class Reward(ABC):
    """A pure function of a measurement; larger is better.

    Its `repr` identifies it in the store, so it must say all that the reward depends on, and be
    the same in every process: as a frozen dataclass's is, or that of a class with plain attributes.
    """

    @abstractmethod
    def __call__(self, measurement: Measurement) -> float | tuple[float, ...] | Infeasible:
        """The reward, or one number an objective, or why there is none.

        An exception makes the trial infeasible.
        """

    @property
    def objectives(self) -> tuple[str, ...]:
        """A name for each number that a call returns; one unless this is overridden."""
        return (str(self),)

    @property
    def shown_as(self) -> tuple[Objective, ...]:
        """Each objective as people read it; maximized unless this is overridden."""
        return tuple(Objective(name) for name in self.objectives)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={_shown(name, value)}" for name, value in vars(self).items())
        return f"{type(self).__qualname__}({values})"


def _shown(name: str, value: object) -> str:
    hidden = redacted(name, value) if isinstance(value, str | bytes) else None
    return hidden or repr(value)


def check_shown(reward: Reward) -> None:
    """Refuse a reward that is shown otherwise in every process.

    Raises:
        ConfigurationError: Its `repr` holds an address.
    """
    if " at 0x" in repr(reward):
        raise ConfigurationError(
            f"reward={reward!r}: what it is shown as differs from run to run, so that it "
            "could not be resumed; make its class a frozen dataclass of plain values"
        )


def judge(reward: Reward, measurement: Measurement) -> Completed | Infeasible:
    """The outcome that `reward` gives a measurement; never a non-finite number.

    Raises:
        ConfigurationError: `reward` returned something that is neither as many numbers as it has
            objectives nor Infeasible.
    """
    try:
        value = reward(measurement)
    except Exception as error:
        return Infeasible(f"{reward!r} raised {type(error).__name__}: {error}", measurement)
    if isinstance(value, Infeasible):
        return Infeasible(value.reason, measurement, value.kind)
    values = value if isinstance(value, tuple) else (value,)
    count = len(reward.objectives)
    if len(values) != count or not all(is_number(number) for number in values):
        wanted = "one number" if count == 1 else f"a tuple of {counted(count, 'number')}"
        raise ConfigurationError(
            f"{reward!r} returned {value!r}: a reward is {wanted}, or Infeasible(reason)"
        )
    for objective, number in zip(reward.shown_as, values, strict=True):
        if not math.isfinite(number):
            shown = repr(reward) if count == 1 else objective.name
            return Infeasible(f"{shown} gave {objective.figure(float(number))}", measurement)
    objectives = tuple(float(number) for number in values)
    return Completed(measurement, objectives[0], objectives)
