"""Fronts and crowding, against their definitions."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from raynas.dominance import crowding, fronts, hypervolume, knee, non_dominated

Point = tuple[float, ...]
points = st.integers(1, 4).flatmap(
    lambda size: st.lists(st.tuples(*[st.integers(-2, 2).map(float)] * size), max_size=12)
)


def dominates(one: Point, other: Point) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True)) and one != other


@settings(deadline=None)
@given(points)
def test_the_front_is_what_nothing_dominates(given_points: list[Point]) -> None:
    expected = [
        index
        for index, point in enumerate(given_points)
        if not any(dominates(other, point) for other in given_points)
    ]
    assert non_dominated(given_points) == expected


def test_a_large_front_of_three_objectives_is_found() -> None:
    """Points on a sphere dominate none of each other; moved inwards, each is dominated."""
    directions = np.abs(np.random.default_rng(0).normal(size=(500, 3)))
    sphere = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    assert non_dominated(np.concatenate([0.5 * sphere, sphere])) == list(range(500, 1000))


@settings(deadline=None)
@given(points, st.integers(0, 14))
def test_layers_hold_each_point_once_and_only_the_earlier_dominate(
    given_points: list[Point], count: int
) -> None:
    layers = fronts(given_points, count)
    members = [index for layer in layers for index in layer]
    assert len(members) == len(set(members)) >= min(count, len(given_points))
    for depth, layer in enumerate(layers):
        for index in layer:
            above = [i for earlier in layers[:depth] for i in earlier]
            over = [i for i, p in enumerate(given_points) if dominates(p, given_points[index])]
            assert set(over) <= set(above)
            assert depth == 0 or set(over) & set(layers[depth - 1])


def test_crowding_is_the_distance_of_the_neighbors() -> None:
    front = [(0.0, 8.0), (1.0, 4.0), (3.0, 2.0), (4.0, 0.0)]
    assert crowding(front).tolist() == [np.inf, 3 / 4 + 6 / 8, 3 / 4 + 4 / 8, np.inf]


def test_an_objective_without_range_does_not_crowd() -> None:
    assert crowding([(0.0, 1.0), (1.0, 1.0), (3.0, 1.0)])[1] == 1.0


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(st.integers(-1, 4), min_size=width, max_size=width), min_size=1, max_size=7
        )
    )
)
def test_hypervolume_counts_the_cells_below_the_points(points: list[list[int]]) -> None:
    """On whole numbers it is the number of unit cells that some point covers."""
    width = len(points[0])
    covered = sum(
        any(all(c < p for c, p in zip(cell, point, strict=True)) for point in points)
        for cell in itertools.product(range(4), repeat=width)
    )
    assert hypervolume(points, [0] * width) == covered


def test_the_knee_is_where_the_front_bends() -> None:
    front = [(1.0, 0.0), (0.9, 0.8), (0.5, 0.95), (0.0, 1.0)]
    assert knee(front) == 1
    assert knee([(a * 1e6, b * 1e-6 - 3) for a, b in front]) == 1, "units do not matter"
    assert knee([(3.0, 3.0)]) == 0
