"""What a task finds out about an architecture: final metrics and a learning curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from raynas.arguments import is_number, shown
from raynas.errors import ConfigurationError, printable

__all__ = ["MOST_POINTS", "Measurement", "Point", "measurement_from_json", "thinned"]

T = TypeVar("T")

MOST_POINTS = 1000
"""Points of a learning curve that are kept."""


@dataclass(frozen=True)
class Point:
    """Metrics after `step` optimizer steps: one point of a learning curve."""

    step: int
    metrics: Mapping[str, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", _floats(self.metrics))


@dataclass(frozen=True)
class Measurement:
    """What a task found out about an architecture.

    Attributes:
        metrics: Final values by name; NaN and infinite ones are kept as they came.
        seconds: Wall time of the trial's own work, in seconds.
        steps: Optimizer steps taken; None where the task does not train.
        curve: Intermediate metrics in the order of their steps.
        ended_early: What ended the training before its last step, in words; empty where it ran to
            its end.
    """

    metrics: Mapping[str, float]
    seconds: float = 0.0
    steps: int | None = None
    curve: tuple[Point, ...] = ()
    ended_early: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", _floats(self.metrics))
        if not is_number(self.seconds) or not (self.steps is None or is_number(self.steps)):
            raise ConfigurationError(
                f"seconds={shown(self.seconds)}, steps={shown(self.steps)}: must be numbers"
            )
        if not isinstance(self.curve, tuple | list):
            raise ConfigurationError(f"curve={shown(self.curve)}: must be a tuple of Points")
        object.__setattr__(self, "curve", tuple(self.curve))


def _floats(metrics: Mapping[str, float]) -> dict[str, float]:
    """A copy in plain floats, which can be stored, where NumPy's or torch's were given."""
    try:
        return {printable(name): float(value) for name, value in metrics.items()}
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise ConfigurationError(
            f"metrics={shown(metrics)}: must be a mapping from names to numbers"
        ) from error


def thinned(points: tuple[T, ...]) -> tuple[T, ...]:
    """`points`, every second one or fewer where they are too many; the last one stays."""
    while len(points) > MOST_POINTS:
        points = (*points[:-1:2], points[-1])
    return points


def measurement_from_json(data: Mapping[str, Any]) -> Measurement:
    """The measurement whose `dataclasses.asdict` is `data`; other keys are ignored."""
    return Measurement(
        metrics=data["metrics"],
        seconds=data["seconds"],
        steps=data["steps"],
        curve=tuple(Point(**point) for point in data["curve"]),
        ended_early=data.get("ended_early", ""),
    )
