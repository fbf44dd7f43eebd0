"""What commands print with `--json`: one JSON object, of plain values, with documented fields."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from raynas.cli.terminal import say
from raynas.space import Space
from raynas.trials import Measurement, Trial

__all__ = ["AsJson", "say_json", "trial_fields"]

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, for programs to read.")
]


def say_json(data: Mapping[str, Any]) -> None:
    """Print `data`; numbers that JSON does not have, NaN and infinities, become null."""
    say(json.dumps(_plain(data), indent=1, allow_nan=False))


def trial_fields(trial: Trial, space: Space[Any]) -> dict[str, Any]:
    """What is known about a trial, under the names that stay."""
    measurement: Measurement | None = getattr(trial.outcome, "measurement", None)
    return {
        "number": trial.number,
        "outcome": "running" if trial.outcome is None else type(trial.outcome).__name__.lower(),
        "reward": trial.reward,
        "objectives": trial.objectives,
        "reason": trial.reason,
        "started": trial.started,
        "ended": trial.ended,
        "metrics": measurement.metrics if measurement else {},
        "steps": measurement.steps if measurement else None,
        "seconds": measurement.seconds if measurement else None,
        "architecture": json.loads(space.to_json(trial.architecture)),
        "choices": space.to_config(trial.architecture),
    }


def _plain(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): _plain(part) for key, part in value.items()}
        case tuple() | list():
            return [_plain(part) for part in value]
    return value
