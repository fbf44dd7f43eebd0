"""Boxes of a front against membership, point by point."""

from __future__ import annotations

import numpy as np
import pytest

from raynas.box_decomposition import dominated_boxes


@pytest.mark.parametrize("objectives", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("levels", [3, None])  # few levels: many points share coordinates
def test_each_dominated_place_is_in_one_box(objectives: int, levels: int | None) -> None:
    rng = np.random.default_rng(objectives)
    for size in (0, 1, 2, 9, 25):
        points = rng.random((size, objectives))
        points = points if levels is None else np.round(levels * points) / levels
        reference = np.full(objectives, 0.1)
        lower, upper = dominated_boxes(points, reference)
        places = rng.random((300, objectives))
        boxes = (places[:, None] > lower) & (places[:, None] < upper)
        above = (points > reference).all(axis=1)
        below = (points[above] > places[:, None]).all(axis=2).any(axis=1)
        dominated = below & (places > reference).all(axis=1)
        assert (boxes.all(axis=2).sum(axis=1) == dominated).all()
