from __future__ import annotations

from typing import Any

import pytest

from raynas.preflight.learning_curves import CurveShape, shape_of


def test_a_best_step_in_the_first_tenth_asks_for_fewer_steps() -> None:
    points = [(10, 0.3), (50, 0.9), *((step, 0.8) for step in range(100, 1001, 100))]
    found = shape_of(points, 1000, "max", start=0.1)
    assert found is not None
    assert (found.best_step, found.when, found.steps) == (50, "first tenth", 100)
    assert "that is too many; about 100 do" in found.advice


def test_a_curve_that_still_rises_asks_for_more_steps() -> None:
    found = shape_of([(step, step / 1000) for step in range(100, 1001, 100)], 1000, "max", 0.0)
    assert found is not None
    assert (found.best_step, found.when, found.steps) == (1000, "last quarter", 2000)
    assert found.late_gain == pytest.approx(0.3)  # 0.7 was the best within the first 75 %
    assert found.tenth == 900
    assert found.proxy_steps == 900


def test_a_last_quarter_that_brought_next_to_nothing_is_enough() -> None:
    points = [(100, 0.5), (300, 0.88), (700, 0.899), (1000, 0.9)]
    found = shape_of(points, 1000, "max", 0.1)
    assert found is not None
    assert (found.when, found.steps) == ("last quarter", 1000)
    assert (found.plateau, found.tenth) == (700, 300)


def test_a_plateau_before_the_last_quarter_is_found() -> None:
    points = [(100, 0.5), (200, 0.8), (400, 0.9), (600, 0.89), (800, 0.88), (1000, 0.87)]
    found = shape_of(points, 1000, "max", 0.1)
    assert found is not None
    assert (found.best_step, found.when, found.plateau) == (400, "between", 400)
    assert found.steps == 500


def test_a_loss_is_read_upside_down() -> None:
    points = [(step, 2.3 - step / 1000) for step in range(100, 1001, 100)]
    found = shape_of(points, 1000, "min", 2.3)
    assert found is not None
    assert found.best == pytest.approx(1.3)
    assert found.best_step == 1000


def test_two_points_are_no_curve() -> None:
    assert shape_of([(1, 0.1), (2, 0.2)], 2, "max") is None


def test_a_flat_curve_has_no_rise_to_divide_by() -> None:
    found = shape_of([(step, 0.5) for step in (1, 50, 100)], 100, "max")
    assert found is not None
    assert (found.best_step, found.late_gain) == (1, 0)


def late(values: list[float], **given: Any) -> CurveShape:
    points = [(100 * n, value) for n, value in enumerate(values, 1)]
    found = shape_of(points, 1000, "max", 0.1, **given)
    assert found is not None
    return found


def test_a_late_gain_within_noise_is_no_reason_for_more_steps() -> None:
    """Evaluations that jump by more than the last quarter brought, and a given noise."""
    jumping = [0.5, 0.8, 0.74, 0.8, 0.75, 0.81, 0.74, 0.8, 0.75, 0.83]
    for found in (late(jumping), late([0.8] * 7 + [0.81, 0.82, 0.85], noise=0.1)):
        assert found.late_gain > 0.01
        assert "which is within noise" in found.advice
        assert found.steps == 1000


def test_a_schedule_that_ends_at_zero_is_best_at_its_end_anyway() -> None:
    found = late([n / 10 for n in range(1, 11)], decays=True)
    assert "as any learning rate that falls to zero" in found.advice
    assert "--max-steps 2000" in found.advice
    assert found.steps == 1000
