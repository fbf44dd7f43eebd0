"""What is known of earlier trials never changes a digit of what is computed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from raynas.controllers.covariances import Covariances
from raynas.controllers.gaussian_process import Kernel, Term

WIDTH = 23
KERNEL = Kernel(
    (
        Term(0.7, slice(0, 16), np.linspace(0.1, 0.9, 16)),
        Term(0.2, slice(16, 22), np.full(6, 0.3)),
        Term(0.1, slice(22, 23), np.ones(1)),
    ),
    0.05,
)


def vectors(count: int, seed: int = 0) -> NDArray[np.float64]:
    """So many random vectors."""
    return np.random.default_rng(seed).random((count, WIDTH))


def test_covariances_are_those_of_the_kernel() -> None:
    x = vectors(40)
    np.testing.assert_allclose(Covariances(KERNEL)(range(40), x), KERNEL(x, x), rtol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_what_was_asked_before_changes_no_digit(seed: int) -> None:
    x = vectors(90, seed)
    rng = np.random.default_rng(seed)
    kept = Covariances(KERNEL)
    for _ in range(20):
        numbers = np.sort(rng.choice(90, rng.integers(1, 60), replace=False)).tolist()
        fresh = Covariances(KERNEL)(numbers, x[numbers])
        assert np.array_equal(kept(numbers, x[numbers]), fresh)
        assert np.array_equal(fresh, fresh.T)


def test_a_trial_with_another_vector_is_computed_anew() -> None:
    x = vectors(30)
    kept = Covariances(KERNEL)
    kept(range(30), x)
    x[7] = 0.5
    assert np.array_equal(kept(range(30), x), Covariances(KERNEL)(range(30), x))


def test_memory_is_that_of_what_was_asked_for_last() -> None:
    kept = Covariances(KERNEL)
    x = vectors(2000)
    for start in range(0, 1990, 10):
        kept(range(start, start + 10), x[start : start + 10])
    assert kept._entries.shape == (20, 20)
