"""Rewards that no architecture explains, for what T3 must and must not end; and T2's error rates.

A controller that proposes nothing twice is told independent rewards whatever it does, where they
are noise; so these sequences stand for every controller.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from raynas.stopping import FailureShare
from stopping_bench.sequences import Sequence

__all__ = ["CURVES", "failure_rates", "noise"]

Floats = NDArray[np.float64]
_SPAN = 500
_DECAY = 250.0


def _rising(total: float) -> Callable[[Floats, Floats], Floats]:
    return lambda at, noise: noise + total * at / _SPAN


CURVES: dict[str, tuple[bool, Callable[[Floats, Floats], Floats]]] = {
    "noise, normal": (False, lambda _, noise: noise),
    "noise, long upper tail": (False, lambda _, noise: np.exp(noise)),
    "noise, long lower tail": (False, lambda _, noise: -np.exp(noise)),
    "noise, ten values only": (False, lambda _, noise: np.round(noise * 2) / 2),
    "rises by 0.25 deviations in 500 trials": (True, _rising(0.25)),
    "rises by 0.5": (True, _rising(0.5)),
    "rises by 1": (True, _rising(1.0)),
    "rises by 1.5": (True, _rising(1.5)),
    "rises by 2": (True, _rising(2.0)),
    "deviation halves every 350 trials": (
        True,
        lambda at, noise: noise * np.exp2(-at / 350),
    ),
    "deviation falls by a third in 500 trials": (
        True,
        lambda at, noise: noise * (2 / 3) ** (at / _SPAN),
    ),
    "only the best tenth rises, by 1 in 500 trials": (
        True,
        lambda at, noise: noise + (noise > 1.2816) * at / _SPAN,
    ),
}
"""By name: whether the search improves all along, and its rewards from trial numbers and noise."""


def noise(name: str, seed: int, trials: int) -> Sequence:
    """A sequence of `CURVES`; values are not known."""
    at = np.arange(trials, dtype=float)
    rewards = CURVES[name][1](at, np.random.default_rng([seed, 7]).normal(size=trials))
    numbers = np.arange(trials)
    return Sequence(numbers, np.full(trials, math.nan), rewards, numbers)


def failure_rates(rule: FailureShare, truly: float, within: tuple[int, ...]) -> list[float]:
    """Exact probability that a search which fails with probability `truly` is stopped within."""
    alive = np.zeros(max(within) + 2)
    alive[0] = 1.0
    stopped, rates = 0.0, []
    for ended in range(1, max(within) + 1):
        alive[1:] = alive[1:] * (1 - truly) + alive[:-1] * truly
        alive[0] *= 1 - truly
        needed = rule.needed(ended)
        stopped += float(alive[needed:].sum())
        alive[needed:] = 0.0
        if ended in within:
            rates.append(stopped)
    return rates
