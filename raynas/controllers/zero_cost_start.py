"""Architectures to begin with, by a score that costs no training.

Mellor, Turner, Storkey and Crowley 2021, "Neural Architecture Search without Training", section 4,
starts a search from the best of a scored random sample. A score may mislead, and its best are
often alike: so of the better ones, those that differ most are taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.trials import Architecture

__all__ = ["best_scored"]


def best_scored(
    space: Space[Any],
    score: Callable[[Architecture], float],
    count: int = 10,
    *,
    pool: int = 1000,
    share: float = 0.05,
    seed: int = 0,
) -> tuple[Architecture, ...]:
    """The best of a random sample, and then those of its better part that differ most from them.

    What `WarmStart` begins with: ``WarmStart(controller, best_scored(space, score))``.

    Args:
        space: What is sampled.
        score: Function from an architecture to a number, larger being better, such as a
            zero-cost proxy. Architectures whose score is not finite are left out.
        count: How many to return; fewer where the pool does not have so many.
        pool: How many are sampled and scored.
        share: Share of the scored architectures that may be returned; but at least `count`.
        seed: Seed of the sample.

    Raises:
        ConfigurationError: A number is out of its range.
    """
    for name, number in (("count", count), ("pool", pool)):
        if number < 1:
            raise ConfigurationError(f"{name}={number}: must be at least 1")
    if not 0 < share <= 1:
        raise ConfigurationError(f"share={share}: must be above 0, and at most 1")
    rng = np.random.default_rng(seed)
    sampled = dict.fromkeys(space.canonical(space.sample(rng)) for _ in range(pool))
    scored = [(value, a) for a in sampled if math.isfinite(value := float(score(a)))]
    ranked = [architecture for _, architecture in sorted(scored, key=lambda pair: -pair[0])]
    better = ranked[: max(count, round(share * len(ranked)))]
    if not better:
        return ()
    chosen = [better[0]]
    nearest = [space.distance(better[0], other) for other in better]
    while len(chosen) < min(count, len(better)):
        # Farthest first; a distance of 0 marks those chosen, and the better one wins a tie.
        farthest = better[nearest.index(max(nearest))]
        chosen.append(farthest)
        further = (space.distance(farthest, other) for other in better)
        nearest = [min(pair) for pair in zip(nearest, further, strict=True)]
    return tuple(chosen)
