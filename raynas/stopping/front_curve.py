"""The front between several objectives as figures that stop rules can follow.

Two series, one entry a completed trial: the hypervolume of the front so far, and how far each trial
is behind the front of them all. The former is the mean over random scalarizations (Golovin and
Zhang 2020, "Random Hypervolume Scalarizations for Provable Multi-Objective Black Box Optimization",
lemma 5), here along fixed directions, so that a whole curve costs one pass whatever the number of
objectives. The latter is the additive epsilon indicator of a single point (Zitzler et al. 2003,
"Performance Assessment of Multiobjective Optimizers: An Analysis and Review", IEEE Transactions on
Evolutionary Computation 7(2)).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from raynas.dominance import non_dominated
from raynas.objective import Objective
from raynas.power_scaling import UnitScale
from raynas.trials import History, Trial

__all__ = ["DISTANCE", "NEGLIGIBLE", "REFERENCE_QUANTILE", "FrontCurve", "front_curve"]

Floats = NDArray[np.float64]

REFERENCE_QUANTILE = 0.1
"""The reference point: in each objective, this share of the completed trials is no better."""

NEGLIGIBLE = 0.01
"""The share of a hypervolume that nobody would miss."""
_DIRECTIONS = 512  # of the hypervolume's integral; chosen by hand: precision against time
DISTANCE = Objective("distance to the front", "min")
"""What `FrontCurve.behind` is called."""
_known: tuple[Sequence[Trial], FrontCurve] | None = None


@dataclass(frozen=True)
class FrontCurve:
    """The completed trials of a search with several objectives, in ask order.

    All is measured in the box from the reference point to the best value of each objective.

    Attributes:
        reference: Point with, in each objective, the value that nine tenths of the trials are
            better than;
            larger is better.
        hypervolume: Hypervolume of the front after each trial, as a share of the box.
        behind: How far each trial is behind the front of all, as a share of the box's edges: by so
            much it would have to be better in each objective to be on it. 0 on the front.
        reach: How far each trial reaches along each direction, shape ``(trials, directions)``;
            the mean over the directions of the largest is a hypervolume.
    """

    reference: tuple[float, ...]
    hypervolume: Floats
    behind: Floats
    reach: Floats

    def growth(self, since: int) -> float:
        """What the trials after the first `since` added, as a share of the hypervolume."""
        last = float(self.hypervolume[-1])
        return 1.0 - float(self.hypervolume[since - 1]) / last if last else math.inf

    def older_than(self, share: float) -> int:
        """Number of trials after which the hypervolume was within `share` of what it is."""
        last = float(self.hypervolume[-1])
        return int(np.searchsorted(self.hypervolume, (1.0 - share) * last)) + 1

    def standstill(self, patience: int, negligible: float = NEGLIGIBLE) -> int:
        """Completed trials from which the hypervolume has stood still for long enough.

        That is twice as many as it took to come within `negligible` of what it is, and `patience`
        more: single architectures at the ends of a front are found late.
        """
        return 2 * self.older_than(max(negligible, NEGLIGIBLE)) + patience

    def described(self, objectives: Sequence[Objective]) -> str:
        """The reference point in the user's units: ``accuracy 0.81, latency 12``."""
        pairs = zip(objectives, self.reference, strict=False)
        return ", ".join(
            f"{objective.name} {objective.show(value, 3)}" for objective, value in pairs
        )


def front_curve(history: History) -> FrontCurve | None:
    """The curve of a search with several objectives; None with one, or before any has completed.

    Trials that a scheduler stopped are left out: their curves say nothing of the objectives.
    """
    global _known
    if not history.completed or len(history.completed[0].objectives or ()) < 2:
        return None
    if _known is None or _known[0] is not history.completed:
        points = np.array([trial.objectives for trial in history.completed], dtype=float)
        _known = history.completed, _curve(points)
    return _known[1]


def _curve(points: Floats) -> FrontCurve:
    units = np.column_stack([UnitScale.of(column)(column) for column in points.T])
    chosen = np.argsort(points, axis=0, kind="stable")[int(REFERENCE_QUANTILE * (len(points) - 1))]
    corner = np.take_along_axis(units, chosen[None], axis=0)[0]
    best, worst = units.max(axis=0), units.min(axis=0)
    corner = np.where(corner < best, corner, worst)
    sizes = best - corner
    scaled = np.where(sizes > 0, (units - corner) / np.where(sizes > 0, sizes, 1.0), 1.0)
    reference = np.where(
        corner > worst, np.take_along_axis(points, chosen[None], 0)[0], points.min(0)
    )
    reach = _reach(scaled)
    grown = np.maximum.accumulate(reach, axis=0).mean(axis=1)
    return FrontCurve(tuple(reference.tolist()), grown, _behind(scaled), reach)


def _reach(scaled: Floats) -> Floats:
    """How far each point dominates the ray along each direction, as parts of the unit box."""
    count = scaled.shape[1]
    sphere = math.pi ** (count / 2) / (2**count * math.gamma(count / 2 + 1))
    reach = np.full((len(scaled), _DIRECTIONS), np.inf)
    for values, steps in zip(np.maximum(scaled, 0.0).T, _directions(count).T, strict=True):
        np.minimum(reach, values[:, None] / steps, out=reach)
    volumes: Floats = sphere * reach**count
    return volumes


@cache
def _directions(count: int) -> Floats:
    """Directions into the positive orthant, one a row; for two objectives at equal angles."""
    if count == 2:
        angles = (np.arange(_DIRECTIONS) + 0.5) * (math.pi / 2 / _DIRECTIONS)
        return np.column_stack([np.cos(angles), np.sin(angles)])
    drawn = np.abs(np.random.default_rng(0).standard_normal((_DIRECTIONS, count)))
    directions: Floats = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return directions


def _behind(scaled: Floats) -> Floats:
    """How far each point is behind the front of all."""
    behind = np.zeros(len(scaled))
    for point in np.unique(scaled[non_dominated(scaled)], axis=0):
        np.maximum(behind, (point - scaled).min(axis=1), out=behind)
    return behind
