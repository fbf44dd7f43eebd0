"""Where a surrogate looks in a large space: among mutants of recent trials, a few at a time.

Ulmer, Streichert and Zell 2003, "Evolution Strategies Assisted by Gaussian Processes with Improved
Pre-Selection Criterion". Of hundreds of decisions a model knows little before it has seen the
changes of each: what it picks from a handful of mutants is better than what evolution tries, while
what it would pick from everywhere shows where it errs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from raynas.controllers.candidates import Promise
from raynas.controllers.evolution import parent_of
from raynas.controllers.features import Features
from raynas.space import Space
from raynas.trials import History

__all__ = ["most_promising_mutant"]

_POPULATION, _TOURNAMENT = 30, 8
_PARENTS, _MUTANTS = 4, 4


def most_promising_mutant(
    space: Space[Any],
    features: Features,
    history: History,
    promise: Promise,
    rng: np.random.Generator,
) -> Any:
    """Of a few mutants, made as regularised evolution makes them, the untried one of most promise.

    A random architecture where all of them were tried.

    Args:
        space: Where they come from.
        features: Their vectors.
        history: What was tried.
        promise: What to maximise.
        rng: Where the randomness comes from.
    """
    parents = [parent_of(history, _POPULATION, _TOURNAMENT, rng) for _ in range(_PARENTS)]
    made = [
        space.canonical(space.mutate(parent.architecture, rng))
        for parent in parents
        for _ in range(_MUTANTS)
    ]
    new = [mutant for mutant in made if mutant not in history.architectures]
    return new[int(np.argmax(promise(features(new))))] if new else space.sample(rng)
