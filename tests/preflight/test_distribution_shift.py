"""Two-sample tests against samples whose difference is known."""

from __future__ import annotations

import numpy as np
import pytest

from raynas.preflight.distribution_shift import inputs_differ, labels_differ, numbers_differ

RNG = np.random.default_rng(0)


def test_cramers_v_of_a_table_worked_by_hand() -> None:
    """Chi squared of [[30, 10], [10, 30]] is 20; phi squared 20/80 - 1/79, V by Bergsma."""
    found = labels_differ([30, 10], [10, 30])
    columns = 2 - 1 / 79
    assert found.effect == pytest.approx(np.sqrt((0.25 - 1 / 79) / (columns - 1)))
    assert found.p == pytest.approx(7.744e-6, rel=1e-3)
    assert found.verdict == "different"
    assert found.sizes == (40, 40)


@pytest.mark.parametrize("factor", [1, 10])
def test_equal_proportions_are_alike(factor: int) -> None:
    found = labels_differ([50, 30, 20], [50 * factor, 30 * factor, 20 * factor])
    assert (found.effect, found.verdict) == (0.0, "alike")


def test_a_difference_that_is_sure_but_tiny_is_alike() -> None:
    """Of a million examples, p says different; the effect says that it does not matter."""
    found = labels_differ([505_000, 495_000], [495_000, 505_000])
    assert found.p < 1e-6
    assert found.effect < 0.02
    assert found.verdict == "alike"


def test_what_is_never_there_does_not_count() -> None:
    assert labels_differ([5, 0, 5], [5, 0, 5]).effect == 0
    assert labels_differ([5, 0], [7, 0]).p == 1


def test_draws_from_one_distribution_are_rarely_called_different() -> None:
    """At the level of 1 % and with an effect that matters; 300 draws of 100 and 300 labels."""
    shares = np.full(10, 0.1)
    verdicts = [
        labels_differ(RNG.multinomial(100, shares), RNG.multinomial(300, shares)).verdict
        for _ in range(300)
    ]
    assert sum(verdict != "alike" for verdict in verdicts) <= 9


def test_shifted_numbers_are_found_and_equal_ones_not() -> None:
    """Of two normal distributions d standard deviations apart, D is 2 Phi(d/2) - 1."""
    one, other = RNG.normal(size=4000), RNG.normal(1.0, size=4000)
    found = numbers_differ(one, other)
    assert found.effect == pytest.approx(0.383, abs=0.03)
    assert found.verdict == "different"
    assert numbers_differ(one, RNG.normal(size=4000)).verdict == "alike"


def test_inputs_of_one_distribution_are_alike() -> None:
    found = inputs_differ(RNG.normal(size=(200, 6)), RNG.normal(size=(300, 6)))
    assert found is not None
    assert found.verdict == "alike"
    assert found.sizes == (200, 200)


def test_inputs_that_differ_in_one_pixel_pattern_are_told_apart() -> None:
    """No single figure gives them away: the sign of a product of two does."""
    images = RNG.normal(size=(400, 8, 8))
    other = RNG.normal(size=(400, 8, 8))
    other[:, :4] += 1.0
    other[:, 4:] -= 1.0
    found = inputs_differ(images, other)
    assert found is not None
    assert found.verdict == "different"
    assert found.effect > 0.9


def test_a_handful_of_inputs_is_not_compared() -> None:
    assert inputs_differ(np.zeros((19, 3)), np.zeros((100, 3))) is None
