"""Metrics as rewards need them: there, and finite."""

from __future__ import annotations

import math
from dataclasses import dataclass

from raynas.arguments import is_number
from raynas.errors import ConfigurationError
from raynas.trials import Infeasible, Measurement

__all__ = ["Unmeasured", "check_above_zero", "check_finite", "figure", "figures"]


@dataclass(frozen=True)
class Unmeasured(Infeasible):
    """No reward because the task does not measure a metric, whatever the architecture."""


def figure(measurement: Measurement, name: str) -> float | Infeasible:
    """The metric `name`, or why it is of no use."""
    if name not in measurement.metrics:
        return Unmeasured(f"the task measured no {name!r}")
    value = measurement.metrics[name]
    return value if math.isfinite(value) else Infeasible(f"{name} is {value}")


def figures(measurement: Measurement, *names: str) -> list[float] | Infeasible:
    """The metrics `names`, each above zero, or why they are of no use in a product."""
    found: list[float] = []
    for name in names:
        value = figure(measurement, name)
        if isinstance(value, Infeasible):
            return value
        if value <= 0:
            return Infeasible(f"{name} is {value:g}: this reward needs it above zero")
        found.append(value)
    return found


def check_finite(argument: str, value: object) -> None:
    """Refuse what is not a finite number.

    Raises:
        ConfigurationError: `value` is not.
    """
    if not is_number(value) or not math.isfinite(float(value)):  # type: ignore[arg-type]
        raise ConfigurationError(f"{argument}={value!r}: must be a finite number")


def check_above_zero(argument: str, value: object) -> None:
    """Refuse what is not a finite number above zero.

    Raises:
        ConfigurationError: `value` is not.
    """
    check_finite(argument, value)
    if float(value) <= 0:  # type: ignore[arg-type]
        raise ConfigurationError(f"{argument}={value!r}: must be above 0")
