"""How a trial ended: completed with a reward, infeasible, failed or stopped early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from raynas.arguments import AnyText, checked, is_number, shown
from raynas.errors import ConfigurationError, printable
from raynas.trials.measurement import Measurement, measurement_from_json

__all__ = [
    "BOUND",
    "DEFERRED",
    "Completed",
    "Failed",
    "Infeasible",
    "Outcome",
    "Stopped",
    "outcome_from_json",
    "outcome_to_json",
]

BOUND = "bound"
"""`Infeasible.kind` of an architecture that was found to be outside a bound of the user's."""
DEFERRED = "deferred"
"""`Infeasible.kind` of a trial that could not be measured for now, as a device was offline."""


@dataclass(frozen=True)
class Completed:
    """The trial ran to its end and has a finite reward; larger is better.

    Attributes:
        measurement: What the task found out.
        reward: The one number that rules, curves and single-objective controllers go by: the
            reward itself, or the first of several objectives.
        objectives: All of them, larger being better in each; ``(reward,)`` where there is one.
    """

    measurement: Measurement
    reward: float
    objectives: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        given = self.objectives if isinstance(self.objectives, tuple | list) else (None,)
        objectives = given or (self.reward,)
        if not all(map(is_number, (self.reward, *objectives))):
            raise ConfigurationError(
                f"reward={shown(self.reward)}, objectives={shown(self.objectives)}: must be a "
                "number, and a tuple of numbers"
            )
        if not isinstance(self.measurement, Measurement):
            raise ConfigurationError(
                f"measurement={shown(self.measurement)}: must be a raynas Measurement"
            )
        object.__setattr__(self, "objectives", tuple(objectives))


@checked
@dataclass(frozen=True)
class Infeasible:
    """The architecture has no reward, for a reason of its own: NaN, too large, cannot be built.

    Attributes:
        reason: Why, in words.
        measurement: What was measured all the same.
        kind: `BOUND` where a measured metric is outside a bound that the user gave. Such a trial
            worked: it counts as no failure, and says where the feasible part of the space ends.
            `DEFERRED` where a device that measures was out of reach: no failure either, says
            nothing of the architecture, and runs once more at the next start of the search.
    """

    reason: AnyText
    measurement: Measurement | None = None
    kind: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", printable(self.reason))


@checked
@dataclass(frozen=True)
class Failed:
    """The trial broke: `error` is a traceback, or what is known about a dead worker."""

    error: AnyText

    def __post_init__(self) -> None:
        object.__setattr__(self, "error", printable(self.error))


@checked
@dataclass(frozen=True)
class Stopped:
    """The trial was ended early by `by`, a scheduler or a stop rule; no reward."""

    by: str
    measurement: Measurement | None = None


Outcome: TypeAlias = Completed | Infeasible | Failed | Stopped

_KINDS = {"completed": Completed, "infeasible": Infeasible, "failed": Failed, "stopped": Stopped}


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """`outcome` as JSON data with its type under ``"kind"``."""
    kind = next(kind for kind, cls in _KINDS.items() if isinstance(outcome, cls))
    values = asdict(outcome)
    cause = values.pop("kind", "")  # that of an infeasible trial
    return {"kind": kind, **values, **({"cause": cause} if cause else {})}


def outcome_from_json(data: Mapping[str, Any]) -> Outcome:
    """The inverse of `outcome_to_json`."""
    names = {"cause": "kind"}
    values = {names.get(key, key): value for key, value in data.items() if key != "kind"}
    if values.get("measurement") is not None:
        values["measurement"] = measurement_from_json(values["measurement"])
    outcome: Outcome = _KINDS[data["kind"]](**values)
    return outcome
