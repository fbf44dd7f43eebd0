"""NoConvergence: fires on a flat stretch, not while rewards rise or settle."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pytest

from raynas.errors import ConfigurationError
from raynas.stopping import NoConvergence
from raynas.trials import Completed, Failed, History, Measurement, Stop, Trial

WINDOW = 100
SEEDS = range(40)


def history_of(rewards: Iterable[float]) -> History:
    return History(
        tuple(
            Trial(number, None, Completed(Measurement({"reward": reward}), float(reward)))
            for number, reward in enumerate(rewards)
        )
    )


def check(rewards: Iterable[float], window: int = WINDOW) -> Stop | None:
    return NoConvergence(window).check(history_of(rewards), 0.0)


def noise(seed: int, size: int = WINDOW) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=size)


def stops_soon(rewards: np.ndarray) -> bool:
    """Whether some window ends it that closes within two fifths of its length."""
    ends = range(WINDOW, len(rewards) + 1, 5)
    return any(NoConvergence(WINDOW).check(history_of(rewards[:end]), 0.0) for end in ends)


def test_flat_noise_stops_soon() -> None:
    """A window of noise shows a sign of getting on in a quarter of the cases, all seldom do."""
    assert sum(check(noise(seed)) is not None for seed in SEEDS) < 37
    assert sum(stops_soon(noise(seed, WINDOW * 7 // 5)) for seed in SEEDS) >= 37


def test_a_rise_goes_on() -> None:
    for seed in SEEDS:
        assert check(noise(seed) + np.linspace(0, 4, WINDOW)) is None


def test_a_falling_spread_goes_on() -> None:
    for seed in SEEDS:
        assert check(noise(seed) * np.linspace(3, 0.1, WINDOW)) is None


def test_a_spread_that_grows_downwards_stops() -> None:
    growing = np.linspace(0.1, 3, WINDOW)
    assert sum(check(-np.abs(noise(seed)) * growing) is not None for seed in SEEDS) == len(SEEDS)


def test_a_spread_that_reaches_ever_higher_goes_on() -> None:
    growing = np.linspace(0.1, 3, WINDOW)
    assert sum(check(np.abs(noise(seed)) * growing) is not None for seed in SEEDS) == 0


def test_a_fall_of_the_reward_stops() -> None:
    assert check(noise(0) - np.linspace(0, 4, WINDOW)) is not None


def test_only_the_window_is_looked_at() -> None:
    rising, flat = np.linspace(0, 50, WINDOW), 50 + noise(1)
    assert check([*rising, *flat]) is not None
    assert check([*flat, *rising]) is None


def test_a_rise_of_the_best_only_goes_on() -> None:
    """One in five of the newer half is far above everything else; the others are as before."""
    for seed in SEEDS:
        rewards = noise(seed)
        rewards[WINDOW // 2 :: 5] += 10
        assert check(rewards) is None


def test_half_a_window_of_noise_is_a_warning() -> None:
    history = history_of(noise(1, WINDOW // 2))
    warning = NoConvergence(WINDOW).warn(history, 0.0)
    assert warning is not None
    assert warning.reason.endswith(" At 100 that would end the search.")
    assert NoConvergence(WINDOW).warn(history_of(np.linspace(0, 4, WINDOW // 2)), 0.0) is None
    assert NoConvergence(WINDOW).progress(history, 0.0) == 0.5


def test_the_window_must_be_full_of_rewards() -> None:
    history = history_of(noise(0, WINDOW - 1))
    full = history.asked(Trial(len(history), None, Failed("x")))
    assert NoConvergence(WINDOW).check(full, 0.0) is None
    assert (
        NoConvergence(WINDOW).state(full, 0.0)
        == "standstill judged from 100 completed trials on, so far 99"
    )


@pytest.mark.parametrize(
    ("older", "newer"), [([1.0], [1.0]), ([0.9], [0.1]), ([0.5, 0.5], [0.4, 0.5])]
)
def test_constant_rewards_stop_without_a_warning(older: list[float], newer: list[float]) -> None:
    assert check(older * (20 // len(older)) + newer * (20 // len(newer)), window=40) is not None


@pytest.mark.parametrize(
    ("older", "newer"), [([0.1], [0.9]), ([0.4, 0.6], [0.5, 0.5]), ([0.0, 1.0], [0.4, 0.6])]
)
def test_rewards_of_few_values_go_on_while_they_improve(
    older: list[float], newer: list[float]
) -> None:
    assert check(older * (20 // len(older)) + newer * (20 // len(newer)), window=40) is None


def test_the_reason_has_the_figures() -> None:
    stop = check([1.0, 3.0] * 10 + [0.0, 2.0] * 10, window=40)
    assert stop is not None
    assert stop.rule == "no convergence"
    assert stop.reason == (
        "Over the last 40 completed trials reward did not improve (mean 2, then 1) "
        "and did not vary less (mean deviation 1, then 1)."
    )
    assert "baseline" in stop.advice


def test_a_short_window_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="window=19: must be at least 20"):
        NoConvergence(19)


@pytest.mark.parametrize("level", [0.0, 1.0, math.nan])
def test_a_significance_out_of_range_is_refused(level: float) -> None:
    with pytest.raises(ConfigurationError, match=f"significance={level}: must be above 0 and bel"):
        NoConvergence(20, level)
