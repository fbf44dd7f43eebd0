"""The conditions of a run: how many trials at once, noisy rewards, failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np

from controller_bench.problem import Problem

__all__ = ["PROTOCOLS", "Protocol", "failing_pairs", "fails"]

Pair = tuple[tuple[str, Any], tuple[str, Any]]
"""Two decisions with their values; an architecture that takes both fails."""


@dataclass(frozen=True)
class Protocol:
    """The conditions of a run.

    Attributes:
        name: By which it is chosen and reported.
        workers: How many trials run at once.
        noisy: Whether rewards are those of single trainings rather than the true value.
        failures: The share of random architectures that are infeasible, in clusters.
        generations: Whether all workers wait for the last one, so that many are free at once.
    """

    name: str
    workers: int = 1
    noisy: bool = False
    failures: float = 0.0
    generations: bool = False


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("mean"),
        Protocol("mean-w8", workers=8),
        Protocol("noise", noisy=True),
        Protocol("noise-w8", workers=8, noisy=True),
        Protocol("failures", failures=0.1),
        Protocol("mean-g20", workers=20, generations=True),
        Protocol("mean-g100", workers=100, generations=True),
    )
}


def failing_pairs(problem: Problem, share: float) -> tuple[Pair, ...]:
    """Pairs of values that make at least `share` of random architectures infeasible.

    The same for every method and seed. No pair is one of the best architecture's.
    """
    return _failing_pairs(problem.name, problem, share)


def fails(problem: Problem, pairs: tuple[Pair, ...], architecture: Any) -> bool:
    """Whether `architecture` takes one of `pairs`."""
    return bool(pairs) and _hit(problem.space.to_config(architecture), pairs)


@lru_cache(maxsize=8)
def _failing_pairs(name: str, problem: Problem, share: float) -> tuple[Pair, ...]:
    rng = np.random.default_rng(crc32(name.encode()))
    space = problem.space
    configs = [space.to_config(space.sample(rng)) for _ in range(500)]
    best = space.to_config(problem.best)
    pairs: list[Pair] = []
    while np.mean([_hit(config, pairs) for config in configs]) < share:
        config = configs[int(rng.integers(len(configs)))]
        items = list(config.items())
        one, other = sorted(rng.choice(len(items), size=2, replace=False))
        pair = (items[one], items[other])
        if not _hit(best, [pair]):
            pairs.append(pair)
    return tuple(pairs)


def _hit(config: Mapping[str, Any], pairs: Any) -> bool:
    return any(all(config.get(path) == value for path, value in pair) for pair in pairs)
