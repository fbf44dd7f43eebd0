"""The front between several objectives as numbers: its points, and hypervolume along the search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raynas.analysis.units import quantity
from raynas.dominance import hypervolume, knee
from raynas.objective import Objective
from raynas.stopping.front_curve import REFERENCE_QUANTILE
from raynas.trials import History, Trial
from raynas.wording import counted

__all__ = [
    "Progress",
    "bends",
    "front_along",
    "front_line",
    "front_trials",
    "knee_of",
    "progress_of",
    "shown_objectives",
    "values_of",
]

_MOMENTS = 60  # points of the drawn curve; more are not seen apart at its width


def values_of(trial: Trial, objectives: Sequence[Objective]) -> tuple[float, ...]:
    """The objectives of a trial in the user's directions; empty where it has none."""
    scores = trial.objectives or ()
    return tuple(
        objective.figure(score) for objective, score in zip(objectives, scores, strict=False)
    )


def shown_objectives(scores: Sequence[float], objectives: Sequence[Objective]) -> str:
    """Objectives for a line of text: ``val/acc 0.953, latency_p50 0.498 ms``."""
    if len(objectives) == 1:
        return f"{objectives[0].name} {objectives[0].show(scores[0])}"
    pairs = zip(objectives, scores, strict=False)
    return ", ".join(f"{o.name} {quantity(o.name, o.figure(score))}" for o, score in pairs)


def front_trials(history: History) -> list[Trial]:
    """The front, highest first objective first; of equal points the earliest."""
    found: dict[tuple[float, ...], Trial] = {}
    for trial in history.front():
        found.setdefault(trial.objectives or (), trial)
    return sorted(found.values(), key=lambda trial: (-(trial.reward or 0.0), trial.number))


def knee_of(front: Sequence[Trial]) -> Trial | None:
    """The trial at the knee of a front; None where it does not bend outwards between its ends."""
    scores = [trial.objectives or () for trial in front]
    return front[knee(scores)] if bends(scores) else None


def bends(points: Sequence[Sequence[float]]) -> bool:
    """Whether a front has a knee between its ends, of points that are all different."""
    if len(points) < 3:
        return False
    scores = np.array(points, dtype=float)
    return not bool((scores[knee(scores)] == scores.max(axis=0)).any())


@dataclass(frozen=True)
class Progress:
    """Hypervolume while a search went on.

    Attributes:
        trials: Completed trials at each moment.
        shares: The hypervolume at it, as a share of the box between reference point and ideal.
        reference: The reference point in the user's units: in each objective the value that nine
            tenths of the completed trials are better than, or of up to ten the worst.
        ideal: The best value of each objective.
    """

    trials: tuple[int, ...]
    shares: tuple[float, ...]
    reference: tuple[float, ...]
    ideal: tuple[float, ...]

    @property
    def of_worst(self) -> bool:
        """Whether the reference point is the worst value of each objective."""
        return self.trials[-1] <= 1 / REFERENCE_QUANTILE


def progress_of(history: History) -> Progress | None:
    """Hypervolume along the search at up to 60 moments, in ask order.

    None with one objective, or where the completed trials differ in none of some objective.
    """
    return front_along([trial.objectives or () for trial in history.completed], history.shown_as)


def front_along(
    scores: Sequence[Sequence[float]], objectives: Sequence[Objective]
) -> Progress | None:
    """`progress_of` for the objectives of the completed trials, larger being better."""
    if len(objectives) < 2 or not scores:
        return None
    points = np.array(scores, dtype=float)
    reference = np.quantile(points, REFERENCE_QUANTILE, axis=0, method="lower")
    ideal = points.max(axis=0)
    sizes = ideal - reference
    if not (sizes > 0).all() or not np.isfinite(sizes).all():
        return None
    scaled = (points - reference) / sizes
    moments = np.unique(np.linspace(1, len(points), min(_MOMENTS, len(points))).round().astype(int))
    shares = [hypervolume(scaled[:count], [0.0] * len(objectives)) for count in moments]
    return Progress(
        tuple(moments.tolist()),
        tuple(shares),
        tuple(
            objective.figure(float(v)) for objective, v in zip(objectives, reference, strict=True)
        ),
        tuple(objective.figure(float(v)) for objective, v in zip(objectives, ideal, strict=True)),
    )


def front_line(history: History) -> str:
    """The front in one line, for a terminal: how many points, and from where to where."""
    objectives, front = history.shown_as, front_trials(history)
    if len(objectives) < 2 or not front:
        return ""
    ranges = []
    for place, objective in enumerate(objectives):
        values = [values_of(trial, objectives)[place] for trial in front]
        ends = quantity(objective.name, min(values)), quantity(objective.name, max(values))
        ranges.append(
            f"{objective.name} {ends[0]} to {ends[1]}"
            if ends[0] != ends[1]
            else f"{objective.name} {ends[0]}"
        )
    return f"front of {counted(len(front), 'trial')}: {', '.join(ranges)}"
