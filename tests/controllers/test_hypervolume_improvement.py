"""Expected hypervolume improvement against draws, in each of the ways it is computed."""

from __future__ import annotations

import numpy as np
import pytest

from raynas.controllers import hypervolume_improvement
from raynas.controllers.hypervolume_improvement import expected_hypervolume_improvement
from raynas.dominance import hypervolume, non_dominated

DRAWS = 400


def front_and_candidates(objectives: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A random front and its reference, and means and deviations of candidates about it."""
    rng = np.random.default_rng(objectives)
    points = rng.standard_normal((12, objectives))
    front = points[non_dominated(points)]
    mean = np.vstack([rng.standard_normal((3, objectives)), np.full(objectives, -9.0)])
    return front, np.full(objectives, -2.5), mean, np.full(mean.shape, 0.4)


@pytest.mark.parametrize("objectives", [2, 3, 4, 5])
def test_it_is_what_draws_add_on_average(objectives: int) -> None:
    front, reference, mean, deviation = front_and_candidates(objectives)
    rng = np.random.default_rng(0)
    exact = expected_hypervolume_improvement(front, reference, rng)(mean, deviation)
    before = hypervolume(front, reference)
    for candidate, found in enumerate(exact):
        drawn = rng.normal(mean[candidate], deviation[candidate], (DRAWS, objectives))
        added = [hypervolume(np.vstack([front, d]), reference) - before for d in drawn]
        assert found == pytest.approx(np.mean(added), abs=4 * np.std(added) / DRAWS**0.5 + 1e-6)
    assert exact[-1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("objectives", [3, 4])
def test_scalarizations_agree_with_boxes(objectives: int, monkeypatch: pytest.MonkeyPatch) -> None:
    front, reference, mean, deviation = front_and_candidates(objectives)
    exact = expected_hypervolume_improvement(front, reference, np.random.default_rng(0))
    monkeypatch.setattr(hypervolume_improvement, "_LARGE", 0)
    monkeypatch.setattr(hypervolume_improvement, "_SCALARIZATIONS", 20_000)
    estimated = expected_hypervolume_improvement(front, reference, np.random.default_rng(0))
    assert estimated(mean, deviation) == pytest.approx(exact(mean, deviation), rel=0.1, abs=0.02)


def test_points_below_the_reference_are_no_part_of_the_front() -> None:
    _, reference, mean, deviation = front_and_candidates(3)
    front = np.array([[1.0, 0.0, 0.0], [2.0, 2.0, -3.0]])
    rng = np.random.default_rng(0)
    both = expected_hypervolume_improvement(front, reference, rng)(mean, deviation)
    one = expected_hypervolume_improvement(front[:1], reference, rng)(mean, deviation)
    assert both == pytest.approx(one)


def test_what_rounding_alone_would_add_is_nothing() -> None:
    front, reference = np.array([[3.0, 3.0, 3.0]]), np.full(3, -3.0)
    improvement = expected_hypervolume_improvement(front, reference, np.random.default_rng(0))
    assert (improvement(np.zeros((50, 3)), np.full((50, 3), 1e-3)) == 0.0).all()
