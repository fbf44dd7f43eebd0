"""Whether rewards depend on the architecture, by exchanging them."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from raynas.controllers.features import Features
from raynas.controllers.permutation_test import log_odds_of_structure, share_explained_worse
from raynas.space import Space
from raynas.testing import ToyNet, toy_reward

SPACE = Space(ToyNet)
FEATURES = Features(SPACE)
PRIOR = FEATURES.prior()
KERNEL = PRIOR.kernel(PRIOR.mean)


def drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of different architectures, and their rewards with mean 0 and deviation 1."""
    rng = np.random.default_rng(seed)
    found = list(dict.fromkeys(SPACE.sample(rng) for _ in range(10 * count)))[:count]
    rewards = np.array([toy_reward(net) for net in found])
    return FEATURES(found), (rewards - rewards.mean()) / rewards.std()


@pytest.mark.parametrize("seed", range(3))
def test_the_share_is_that_of_all_permutations(seed: int) -> None:
    """By the likelihood of each, which falls with the same square where half is noise."""
    x, y = drawn(6, seed)
    half = 0.5 * KERNEL(x, x) / KERNEL.variance + 0.5 * np.eye(len(y))
    ways = np.array(list(permutations(y)))
    logs = -0.5 * np.einsum("pi,ij,pj->p", ways, np.linalg.inv(half), ways)
    exact = float((logs < logs[0] - 1e-12).mean())
    assert share_explained_worse(KERNEL, x, y) == pytest.approx(exact, abs=0.1)


def test_each_share_is_as_likely_as_any_other_where_rewards_are_noise() -> None:
    x, _ = drawn(20, 0)
    rng = np.random.default_rng(1)
    shares = [share_explained_worse(KERNEL, x, rng.standard_normal(20)) for _ in range(200)]
    counts, _ = np.histogram(shares, bins=4, range=(0, 1))
    assert counts.min() > 30
    assert counts.max() < 70


def test_rewards_of_a_task_are_explained_better() -> None:
    x, y = drawn(30, 2)
    assert share_explained_worse(KERNEL, x, y) > 0.95


def test_odds_rise_with_the_share_and_the_same_share_tells_more_of_many_trials() -> None:
    assert log_odds_of_structure(0.5, 2.0) == pytest.approx(0.0)
    few = [log_odds_of_structure(share, 2.0) for share in (0.0, 0.2, 0.6, 0.95, 1.0)]
    many = [log_odds_of_structure(share, 8.0) for share in (0.0, 0.2, 0.6, 0.95, 1.0)]
    assert few == sorted(few)
    assert many == sorted(many)
    assert many[2] < few[2] < 0.5
    assert many[-1] > few[-1] > 0
