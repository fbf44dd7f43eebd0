"""The laboratory's findings on disk: a JSON file for each part."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raynas.analysis.saved_results import replace_text
from raynas.errors import ConfigurationError, RaynasError, in_a_line
from raynas.proxy.design import Design
from raynas.proxy.reduction import Setting
from raynas.proxy.reference_models import References, find_references
from raynas.proxy.repeats import Curve, Repeats
from raynas.proxy.trainings import Laboratory
from raynas.proxy.trial_run import Fresh

__all__ = [
    "Chosen",
    "read_design",
    "read_references",
    "write_curves",
    "write_design",
    "write_fresh",
    "write_references",
    "write_repeats",
]

_SETTINGS: dict[str, Any] = {
    **dict.fromkeys(("candidates", "models", "full"), int),
    "cost": str,
    "max_steps": int | None,
}


@dataclass(frozen=True)
class Chosen:
    """The proxy that `raynas proxy FILE design` took.

    Attributes:
        setting: What is reduced.
        steps: Optimizer steps of the run.
        max_steps: Optimizer steps of a full training, if the search does not give them.
        tau: Kendall's tau on the reference models.
        low: Lower end of its 95 % interval.
        high: Upper end.
    """

    setting: Setting
    steps: int
    max_steps: int | None
    tau: float
    low: float
    high: float


def write_repeats(laboratory: Laboratory, found: Repeats) -> Path:
    """Write what `measure_repeats` found."""
    figure = laboratory.objective.figure
    data = asdict(found)
    for one in data["variances"]:
        one |= {"mean": figure(one["mean"]), "scores": [figure(score) for score in one["scores"]]}
    return _write(laboratory, "variance", data)


def write_curves(laboratory: Laboratory, found: Sequence[Curve]) -> Path:
    """Write what `measure_smoothness` found."""
    figure = laboratory.objective.figure
    curves = [
        {**asdict(curve), "scores": [figure(score) for score in curve.scores]} for curve in found
    ]
    return _write(laboratory, "smoothness", {"curves": curves})


def write_references(
    laboratory: Laboratory, found: References, settings: Mapping[str, Any]
) -> Path:
    """Write the reference models and how they were asked for."""
    truth, figure = found.truth, laboratory.objective.figure
    rows = [
        {
            "architecture": json.loads(laboratory.space.to_json(architecture)),
            "cost": cost,
            "score": figure(score),
            "low": min(figure(low), figure(high)),
            "high": max(figure(low), figure(high)),
            "known": bool(known),
            "early": figure(early),
            "seconds": seconds,
        }
        for architecture, cost, score, low, high, known, early, seconds in zip(
            found.architectures,
            found.costs,
            truth.scores,
            truth.low,
            truth.high,
            truth.known,
            found.early,
            found.seconds,
            strict=True,
        )
    ]
    data = {
        "settings": dict(settings),
        "cost": found.cost,
        "models": rows,
        "candidates": [(figure(score), cost) for score, cost in found.candidates],
        "off": truth.off,
        "spent": found.spent,
    }
    return _write(laboratory, "models", data)


def read_references(laboratory: Laboratory) -> tuple[References, int | None]:
    """The reference models as `raynas proxy FILE models` chose them, and its `max_steps`.

    They come from the trials in the store; what is missing there is trained.

    Raises:
        ConfigurationError: There are none yet.
    """
    data = _read(laboratory, "models", "models")
    with _readable(laboratory, "models"):
        settings = {name: data["settings"][name] for name in _SETTINGS}
        if not all(isinstance(settings[name], kind) for name, kind in _SETTINGS.items()):
            raise TypeError("settings of another kind")
    return find_references(laboratory, **settings), settings["max_steps"]


def write_design(laboratory: Laboratory, found: Design, references: References) -> Path:
    """Write the proxy with everything that was looked at."""
    models = _read(laboratory, "models", "models")
    with _readable(laboratory, "models"):
        max_steps = models["settings"]["max_steps"]
    data = {
        "goal": asdict(found.goal),
        "candidates": [
            {
                "name": str(candidate.setting),
                "setting": candidate.setting.as_json(),
                "readings": [asdict(reading) for reading in candidate.readings],
                "reason": candidate.reason,
                "spent": candidate.spent,
            }
            for candidate in found.candidates
        ],
        "setting": found.setting.as_json() if found.setting else None,
        "steps": found.steps,
        "max_steps": max_steps,
        "sure": found.sure,
        "agreement": asdict(found.agreement) if found.agreement else None,
        "low": found.low,
        "cost": found.cost,
        "scores": list(map(laboratory.objective.figure, found.scores)),
        "truth": list(map(laboratory.objective.figure, references.truth.scores)),
        "spent": found.spent,
        "spent on models": references.spent,
    }
    return _write(laboratory, "design", data)


def read_design(laboratory: Laboratory) -> Chosen:
    """The proxy that was chosen.

    Raises:
        ConfigurationError: There is none yet.
    """
    data = _read(laboratory, "design", "design")
    with _readable(laboratory, "design"):
        chosen = None if data["setting"] is None else _chosen(data)
    if chosen is None:
        raise ConfigurationError(
            "`raynas proxy FILE design` found no proxy: give it other candidates, more steps or "
            "another goal"
        )
    return chosen


def _chosen(data: Mapping[str, Any]) -> Chosen:
    found, steps, full = data["agreement"], data["steps"], data["max_steps"]
    if not isinstance(steps, int) or not isinstance(full, int | None):
        raise TypeError("steps that are no whole number")
    ends = (float(found[name]) for name in ("tau", "low", "high"))
    return Chosen(Setting(**data["setting"]), steps, full, *ends)


def write_fresh(laboratory: Laboratory, found: Fresh) -> Path:
    """Write how the proxy did on fresh architectures."""
    figure = laboratory.objective.figure
    scores = {"proxy": list(map(figure, found.proxy)), "full": list(map(figure, found.full))}
    return _write(laboratory, "fresh", asdict(found) | scores)


def _write(laboratory: Laboratory, part: str, data: Mapping[str, Any]) -> Path:
    """Write a part; returns the laboratory's folder."""
    folder = laboratory.folder
    text = json.dumps(_plain({"metric": laboratory.objective.axis, **data}), indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_text(folder / f"{part}.json", text)
    except OSError as error:
        raise RaynasError(
            f"cannot write to {folder}: {error.strerror}; fix this, then run the command again"
        ) from error
    return folder


def _read(laboratory: Laboratory, part: str, command: str) -> Any:
    path = laboratory.folder / f"{part}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path} is not there: run `raynas proxy FILE {command}` first"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(_unreadable(path, command, error)) from error


@contextmanager
def _readable(laboratory: Laboratory, part: str) -> Iterator[None]:
    """Says that a part is not as it was written, where its data turn out so."""
    try:
        yield
    except (ConfigurationError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        path = laboratory.folder / f"{part}.json"
        raise ConfigurationError(_unreadable(path, part, error)) from error


def _unreadable(path: Path, command: str, error: Exception) -> str:
    what = in_a_line(error)
    return f"{path} cannot be read ({what}): run `raynas proxy FILE {command}` again"


def _plain(value: Any) -> Any:
    """`value` as JSON data; what is not a number becomes null."""
    match value:
        case np.ndarray():
            return _plain(value.tolist())
        case Mapping():
            return {str(key): _plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_plain(entry) for entry in value]
        case np.generic():
            return _plain(value.item())
        case float() if not math.isfinite(value):
            return None
        case _:
            return value
