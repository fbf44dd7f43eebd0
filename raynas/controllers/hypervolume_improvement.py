"""The hypervolume that an architecture is expected to add to a front.

Emmerich, Deutz and Klinkenberg 2011, "Hypervolume-Based Expected Improvement: Monotonicity
Properties and Exact Computation", section 4: it is exact, as objectives are independent and normal.
For large fronts of three objectives and more it is estimated by random scalarizations, whose mean
is the hypervolume: Golovin and Zhang 2020, "Random Hypervolume Scalarizations for Provable
Multi-Objective Black Box Optimization", lemma 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from raynas.box_decomposition import dominated_boxes
from raynas.controllers.acquisition import expected_excess

__all__ = ["expected_hypervolume_improvement"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Improvement: TypeAlias = Callable[[Matrix, Matrix], Vector]

_LARGE = 3200
"""Points of a front times two to the power of its objectives, which is about how the number of its
boxes grows: 200 points of four objectives have some 1,100 boxes, 100 of five some 1,600.
"""
_ROUNDING = 1e-12  # smaller shares of a volume are rounding, which differs between machines
_SCALARIZATIONS = 128  # draws; chosen by hand: precision of the estimate against time


def expected_hypervolume_improvement(
    front: Matrix, reference: Vector, rng: np.random.Generator
) -> Improvement:
    """What candidates are expected to add to a front.

    Args:
        front: The points to improve on, one a row.
        reference: The corner from which hypervolume is measured.
        rng: Draws the scalarizations, which are the same for all candidates.

    Returns:
        Function of predicted means and standard deviations above 0, both of the shape
        ``(candidates, objectives)``.
    """
    if len(reference) == 2:
        return _of_strips(front, reference)
    if len(front) * 2 ** len(reference) <= _LARGE:
        return _of_boxes(front, reference)
    return _of_scalarizations(front, reference, rng)


def _of_strips(front: Matrix, reference: Vector) -> Improvement:
    """Strip by strip between the points of the front, from the lowest first objective on."""
    points = front[np.lexsort((front[:, 1], front[:, 0]))]
    above = np.maximum(points, reference)
    heights = np.append(np.maximum.accumulate(above[::-1, 1])[::-1], reference[1])
    edges = np.concatenate([[reference[0]], above[:, 0]])

    def improvement(mean: Matrix, deviation: Matrix) -> Vector:
        beyond = expected_excess(mean[:, :1], deviation[:, :1], edges)
        widths = beyond - np.column_stack([beyond[:, 1:], np.zeros(len(mean))])
        gains: Vector = (widths * expected_excess(mean[:, 1:], deviation[:, 1:], heights)).sum(
            axis=1
        )
        return gains

    return improvement


def _of_boxes(front: Matrix, reference: Vector) -> Improvement:
    """The volume expected above the reference, less what of it is in the front's boxes."""
    lower, upper = dominated_boxes(front, reference)
    corners = np.vstack([lower, upper, reference])
    limits, places = zip(*(np.unique(c, return_inverse=True) for c in corners.T), strict=True)
    count = len(lower)

    def improvement(mean: Matrix, deviation: Matrix) -> Vector:
        whole, within = np.ones(len(mean)), np.ones((count, len(mean)))
        for j, place in enumerate(places):
            excess = expected_excess(mean[:, j, None], deviation[:, j, None], limits[j]).T
            within *= excess[place[:count]] - excess[place[count:-1]]
            whole *= excess[place[-1]]
        gains: Vector = whole - within.sum(axis=0)
        return np.where(gains > _ROUNDING * whole, gains, 0.0)

    return improvement


def _of_scalarizations(front: Matrix, reference: Vector, rng: np.random.Generator) -> Improvement:
    """The mean over directions of what a draw of the candidate adds along each."""
    count = len(reference)
    directions = np.abs(rng.standard_normal((_SCALARIZATIONS, count)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    draws = rng.standard_normal((_SCALARIZATIONS, count))
    held = [_scalarized(front, reference, direction).max() for direction in directions]
    sphere = math.pi ** (count / 2) / (2**count * math.gamma(count / 2 + 1))

    def improvement(mean: Matrix, deviation: Matrix) -> Vector:
        gains = np.zeros(len(mean))
        for direction, draw, known in zip(directions, draws, held, strict=True):
            reached = _scalarized(mean + deviation * draw, reference, direction)
            gains += np.maximum(reached - known, 0.0)
        volumes: Vector = sphere / _SCALARIZATIONS * gains
        return volumes

    return improvement


def _scalarized(points: Matrix, reference: Vector, direction: Vector) -> Vector:
    """How much of the ray along `direction` each point dominates, to the power of its dimension."""
    lengths = np.maximum(points - reference, 0.0) / direction
    values: Vector = lengths.min(axis=1) ** len(direction)
    return values
