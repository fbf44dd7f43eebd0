"""What a front dominates, as boxes that do not overlap. Larger is better.

Lacour, Klamroth and Fonseca 2017, "A Box Decomposition Algorithm to Compute the Hypervolume
Indicator", Computers & Operations Research 79, sections 3 and 4: there is one box for each local
upper bound, which is a corner of the region that no point dominates. The number of boxes grows
with the number of points for two and three objectives, with its square for four and five.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["dominated_boxes"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def dominated_boxes(front: Matrix, reference: Vector) -> tuple[Matrix, Matrix]:
    """The region above `reference` that the points of `front` dominate.

    Args:
        front: Points, one a row. Those that are not above the reference dominate nothing.
        reference: The corner from which hypervolume is measured.

    Returns:
        The lower and the upper corners of the boxes, one a row.
    """
    count = len(reference)
    bounds = reference[None].astype(np.float64)
    defining = np.full((1, count, count), np.inf)
    defining[0, np.arange(count), np.arange(count)] = reference
    above = front[(front > reference).all(axis=1)]
    for point in above[np.argsort(-above[:, 0], kind="stable")]:
        bounds, defining = _with_point(bounds, defining, point)
    least = np.minimum.accumulate(defining, axis=1)
    upper = np.column_stack([bounds[:, 0], *(least[:, j - 1, j] for j in range(1, count))])
    lower = np.column_stack([np.full(len(bounds), reference[0]), bounds[:, 1:]])
    full = (upper > lower).all(axis=1)
    return lower[full], upper[full]


def _with_point(bounds: Matrix, defining: Matrix, point: Vector) -> tuple[Matrix, Matrix]:
    """The local upper bounds, and the points that define them, after another point is added.

    ``defining[i, j]`` is the point that has the ``j``-th coordinate of bound ``i``.
    """
    dominated = (bounds < point).all(axis=1)
    old, known = bounds[dominated], defining[dominated]
    new_bounds, new_defining = [bounds[~dominated]], [defining[~dominated]]
    for j, value in enumerate(point):
        others = np.delete(known[:, :, j], j, axis=1).min(axis=1, initial=np.inf)
        kept = value <= others
        moved, by = old[kept], known[kept]
        moved[:, j], by[:, j] = value, point
        new_bounds.append(moved)
        new_defining.append(by)
    return np.concatenate(new_bounds), np.concatenate(new_defining)
