"""Convergence: fires on a settled plateau, whatever the noise and the order of ends."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from raynas.errors import ConfigurationError
from raynas.stopping import Convergence
from raynas.trials import Completed, History, Measurement, Trial

SEEDS = range(8)


def history_of(rewards: Iterable[float], architectures: Sequence[object] | None = None) -> History:
    return History(
        tuple(
            Trial(n, architectures[n] if architectures else n, Completed(Measurement({}), float(r)))
            for n, r in enumerate(rewards)
        )
    )


def learning(seed: int, trials: int, learnt: int = 60) -> NDArray[np.float64]:
    """From wide noise around 0 to narrow noise below a ceiling of 1, as searches of tables do."""
    rng = np.random.default_rng(seed)
    progress = np.minimum(1.0, np.arange(trials) / learnt)
    return progress - np.abs(rng.normal(size=trials)) * (0.05 + 1.5 * (1 - progress))


def first_stop(rewards: NDArray[np.float64], step: int = 20) -> int | None:
    for count in range(50, len(rewards) + 1, step):
        if Convergence().check(history_of(rewards[:count]), 0.0):
            return count
    return None


def test_a_search_that_learnt_stops_soon_after() -> None:
    stops = [first_stop(learning(seed, 600)) for seed in range(4)]
    assert all(stop is not None and 100 < stop <= 500 for stop in stops)


def test_noise_does_not_stop() -> None:
    rng = np.random.default_rng(0)
    assert [first_stop(rng.normal(size=400), 20) for _ in SEEDS] == [None] * len(SEEDS)


def test_a_steady_rise_does_not_stop() -> None:
    for seed in SEEDS:
        rewards = np.linspace(0, 20, 400) + np.random.default_rng(seed).normal(size=400)
        assert first_stop(rewards, 50) is None


def test_a_curve_that_starts_high_stops_once_it_varies_less() -> None:
    rng = np.random.default_rng(1)
    rewards = 1 - np.abs(rng.normal(size=400)) * np.where(np.arange(400) < 40, 1.0, 0.01)
    rewards[5] = 1.0
    assert np.max(rewards) == rewards[5]
    stop = Convergence().check(history_of(rewards), 0.0)
    assert stop is not None
    assert "the mean deviation of reward fell from" in stop.reason


def test_trials_in_flight_and_late_ends_change_little() -> None:
    rewards = learning(3, 400)
    whole = history_of(rewards)
    running = History(
        tuple(Trial(t.number, t.architecture) if t.number % 20 == 7 else t for t in whole.trials)
    )
    assert Convergence().check(whole, 0.0) is not None
    assert Convergence().check(running, 0.0) is not None


def test_a_controller_that_repeats_its_winner_has_settled() -> None:
    rewards = [*np.linspace(0, 0.5, 30), *([1.0] * 100)]
    repeating = [*range(30), *([30] * 100)]
    stop = Convergence().check(history_of(rewards, repeating), 0.0)
    assert stop is not None
    assert "only 1 of the last 100 proposals differ" in stop.reason


def test_the_reason_has_the_figures() -> None:
    stop = Convergence(tolerance=0.1).check(history_of(learning(0, 400)), 0.0)
    assert stop is not None
    assert stop.rule == "convergence"
    assert "has improved by no more than 0.1 since" in stop.reason
    assert "of 400 completed trials" in stop.reason
    assert "Another 200 trials would beat it" in stop.reason
    assert "raynas train" in stop.advice


def test_state_and_progress_grow_towards_the_stop() -> None:
    rewards = learning(0, 400)
    few = history_of(rewards[:49])
    assert (
        Convergence().state(few, 0.0) == "convergence judged from 50 completed trials on, so far 49"
    )
    assert Convergence().progress(few, 0.0) == 0.0
    at = [Convergence().progress(history_of(rewards[:count]), 0.0) for count in (60, 400)]
    assert 0.0 <= at[0] < 0.99
    assert at[1] == 1.0
    assert "better ones in sight (stops at 0.05)" in Convergence().state(
        history_of(rewards[:60]), 0.0
    )


def test_a_warning_comes_before_the_stop() -> None:
    rewards = learning(0, 600)
    counts = range(50, 600, 25)
    warned = [n for n in counts if Convergence().warn(history_of(rewards[:n]), 0.0)]
    stopped = [n for n in counts if Convergence().check(history_of(rewards[:n]), 0.0)]
    assert warned
    assert warned[0] < stopped[0]
    assert not set(warned) & set(stopped)


@pytest.mark.parametrize("count", [50, 130])
def test_constant_rewards_neither_settle_nor_warn(count: int) -> None:
    """Rewards that never differed say that nothing is measured: no convergence's business."""
    assert Convergence().check(history_of([0.5] * count), 0.0) is None


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("tolerance", -1.0, "must be 0 or above"),
        ("expected", 0.0, "must be above 0"),
        ("stretch", 0.9, "must be at least 1"),
        ("patience", 0, "must be at least 1"),
        ("window", 19, "must be at least 20"),
        ("significance", math.nan, "must be above 0 and below 1"),
    ],
)
def test_an_argument_out_of_range_is_refused(name: str, value: float, rule: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name}={value}: {rule}"):
        Convergence(**{name: value})  # type: ignore[arg-type]
