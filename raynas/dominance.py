"""Which points of several objectives are better than which: fronts and crowding. Larger is better.

One point dominates another if it is as good in every objective and better in one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from raynas.box_decomposition import dominated_boxes
from raynas.power_scaling import UnitScale

__all__ = ["crowding", "fronts", "hypervolume", "knee", "non_dominated"]

Points: TypeAlias = Sequence[Sequence[float]] | NDArray[np.float64]


def non_dominated(objectives: Points) -> list[int]:
    """Indices of the points that no other dominates, in order; equal points are all kept.

    In ``n log n`` for up to two objectives; otherwise n times the size of the front.
    """
    if len(objectives) == 0:
        return []
    points = np.array(objectives, dtype=float) + 0.0  # no -0.0, which is 0 too
    if points.shape[1] == 1:
        return np.flatnonzero(points[:, 0] == points.max()).tolist()
    # Whatever dominates a point stands before it, be it only in the last of the objectives.
    distinct, place = np.unique(-points, axis=0, return_inverse=True)
    keep = _swept(-distinct) if distinct.shape[1] == 2 else _sifted(-distinct)
    return np.flatnonzero(keep[place.ravel()]).tolist()


def fronts(objectives: Points, count: int) -> list[list[int]]:
    """The points in layers: the non-dominated, those that only they dominate, and so on.

    Deb, Pratap, Agarwal and Meyarivan 2002, "A Fast and Elitist Multiobjective Genetic Algorithm:
    NSGA-II", section III-A.

    Args:
        objectives: A point an element.
        count: Layers are made until they hold so many points, or all.
    """
    points = np.array(objectives, dtype=float)
    left = np.arange(len(points))
    layers: list[list[int]] = []
    while len(left) and len(points) - len(left) < count:
        best = non_dominated(points[left])
        layers.append(left[best].tolist())
        left = np.delete(left, best)
    return layers


def crowding(objectives: Points) -> NDArray[np.float64]:
    """How far the neighbors of each point are apart, over all objectives; infinite at the ends.

    NSGA-II, section III-B: for each objective, the distance between the next larger and the next
    smaller value, as a share of the range.
    """
    points = np.array(objectives, dtype=float)
    distance = np.zeros(len(points))
    for column in points.T:
        values = UnitScale.of(column)(column)
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        if ordered[0] < ordered[-1]:
            distance[order[1:-1]] += (ordered[2:] - ordered[:-2]) / (ordered[-1] - ordered[0])
        distance[order[[0, -1]]] = np.inf
    # Rounded, so that values in another unit have the same order in spite of their last digit.
    return distance.round(12)


def hypervolume(objectives: Points, reference: Sequence[float]) -> float:
    """The volume that the points dominate above `reference`; what lies below it adds nothing.

    Exact. Of three objectives and more it is the sum of `dominated_boxes`, which takes less than a
    second for some hundred points of up to five.
    """
    corner = np.asarray(reference, dtype=float)
    points = np.array(objectives, dtype=float).reshape(-1, len(corner))
    above = points[(points > corner).all(axis=1)] - corner
    if not len(above):
        return 0.0
    if len(corner) == 1:
        return float(above.max())
    front = np.unique(above[non_dominated(above)], axis=0)
    if len(corner) == 2:
        return float(front[:, 0] @ -np.diff(front[:, 1], append=0.0))
    lower, upper = dominated_boxes(front, np.zeros(len(corner)))
    return float((upper - lower).prod(axis=1).sum())


def knee(objectives: Points) -> int:
    """Index of the point of a front where giving up more of one objective gains least in another.

    That is the point farthest beyond the plane through the ends of the front, where each objective
    is scaled to its range there (Das 1999, "On Characterizing the 'Knee' of the Pareto Curve Based
    on Normal-Boundary Intersection", Structural Optimization 18). The earliest at ties.
    """
    points = np.array(objectives, dtype=float)
    low, high = points.min(axis=0), points.max(axis=0)
    scaled = (points - low) / np.where(high > low, high - low, 1.0)
    return int(np.argmax(scaled.sum(axis=1).round(12)))


def _swept(ordered: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the different rows, of two columns and best first, are not dominated."""
    last = ordered[:, -1]
    keep = np.ones(len(last), dtype=bool)
    keep[1:] = last[1:] > np.maximum.accumulate(last)[:-1]
    return keep


def _sifted(ordered: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the different rows, best first, no row before them dominates."""
    front = ordered[:0]
    keep = np.zeros(len(ordered), dtype=bool)
    for start in range(0, len(ordered), _BLOCK):
        block = ordered[start : start + _BLOCK]
        left = np.flatnonzero(~_as_good(front, block).any(axis=0))
        left = left[~np.triu(_as_good(block[left], block[left]), 1).any(axis=0)]
        keep[start + left] = True
        front = np.concatenate([front, block[left]])
    return keep


def _as_good(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each row is in no column below each of the others, shape ``(rows, others)``."""
    good = np.ones((len(rows), len(others)), dtype=bool)
    for mine, theirs in zip(rows.T, others.T, strict=True):
        good &= mine[:, None] >= theirs
    return good


_BLOCK = 128  # rows compared at once, for memory
