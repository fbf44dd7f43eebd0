"""Optimizer of the acquisition function: candidates at random, around the best, and from there on.

The mutants of a trial are always the same, so that they are made once in a search; what a round of
looking finds is mutated in the next, the more rounds the more decisions there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from raynas.controllers.features import Features
from raynas.space import Space
from raynas.trials import History, Trial

__all__ = ["Candidates", "Promise"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Promise: TypeAlias = Callable[[Matrix], Vector]
"""From vectors to how much their architectures are worth trying, on any scale."""

_POOL, _LASTS = 500, 100
"""Chosen by hand: coverage of the space against the time to draw and score candidates."""
_MUTANTS = 96  # chosen by hand, as `_POOL`
_CHILDREN = 40  # per round of local search; as `_MUTANTS`
_ROUNDS, _DECISIONS_A_ROUND, _BATCH_ROUNDS = 2, 20, 3
"""Chosen by hand: more decisions take more rounds (synthetic-32 to -202 of
benchmarks/controllers.py).
"""
_GENERATIONS, _SURVIVORS, _OFFSPRING = 3, 16, 4
"""Benchmarks/controllers.py, synthetic-202: regret 9.5 after 500 trials (evolution: 39)."""


class Candidates:
    """Makes architectures, and picks the one of highest promise that was not tried.

    Args:
        space: Space of the candidates.
        features: Vectors of the architectures.
    """

    def __init__(self, space: Space[Any], features: Features) -> None:
        self._space = getattr(space, "whole", space)  # bounds count in what is promised
        self._features = features
        self._rounds = _ROUNDS + len(space.columns) // _DECISIONS_A_ROUND
        self._pool: tuple[int, list[Any], Matrix] | None = None
        self._mutants: dict[int, tuple[Any, list[Any], Matrix]] = {}

    def random(self, number: int) -> tuple[list[Any], Matrix]:
        """Random architectures with their vectors, others after every hundred proposals."""
        age = number // _LASTS
        if self._pool is None or self._pool[0] != age:
            rng = np.random.default_rng(age)
            self._pool = age, *self._described(self._space.sample(rng) for _ in range(_POOL))
        return self._pool[1:]

    def for_batch(
        self,
        history: History,
        parents: Sequence[Trial],
        promise: Promise,
        rng: np.random.Generator,
        descendants: bool,
        count: int,
    ) -> tuple[list[Any], Matrix, NDArray[np.int64]]:
        """Untried architectures among which a whole batch is chosen, with their vectors.

        With them comes which of all vectors that `promise` was given is that of each.

        Args:
            history: What was tried.
            parents: Trials to look around.
            promise: What to begin with to maximize.
            rng: Source of all randomness.
            descendants: Whether to look among descendants of the parents only.
            count: How many are to be chosen.
        """
        architectures, vectors, _ = self.searched(
            history, parents, promise, rng, descendants, max(count, _CHILDREN)
        )
        places = {a: i for i, a in enumerate(architectures) if a not in history.architectures}
        rows = np.array(list(places.values()), dtype=np.int64)
        return list(places), vectors[rows], rows

    def searched(
        self,
        history: History,
        parents: Sequence[Trial],
        promise: Promise,
        rng: np.random.Generator,
        descendants: bool,
        parents_a_round: int = _CHILDREN,
    ) -> tuple[list[Any], Matrix, Vector]:
        """What `for_batch` looks at, tried ones too, with vectors and promises."""
        found = [self._around(parent) for parent in parents]
        if not descendants:
            found.append(self.random(len(history)))
        architectures = [a for some, _ in found for a in some]
        vectors = np.vstack([described for _, described in found])
        promises = promise(vectors)
        for _ in range(_BATCH_ROUNDS * self._rounds):
            best = _best(architectures, promises, history, parents_a_round)
            children, described = self._described(self._space.mutate(a, rng) for a in best)
            if not children:
                break
            architectures += children
            vectors = np.vstack([vectors, described])
            promises = np.concatenate([promises, promise(described)])
        return architectures, vectors, promises

    def most_promising(
        self,
        history: History,
        parents: Sequence[Trial],
        promise: Promise,
        rng: np.random.Generator,
    ) -> Any:
        """The untried architecture of highest promise that was found.

        Args:
            history: What was tried.
            parents: Trials to look around.
            promise: What to maximize.
            rng: Source of all randomness.
        """
        found = [self.random(len(history)), *map(self._around, parents)]
        architectures = [a for some, _ in found for a in some]
        promises = promise(np.vstack([vectors for _, vectors in found]))
        for _ in range(self._rounds):
            best = _best(architectures, promises, history, _CHILDREN)
            children, vectors = self._described(self._space.mutate(a, rng) for a in best)
            if not children:
                return self._space.sample(rng)
            architectures += children
            promises = np.concatenate([promises, promise(vectors)])
        return _best(architectures, promises, history, 1)[0]

    def most_promising_descendant(
        self,
        history: History,
        parents: Sequence[Trial],
        promise: Promise,
        rng: np.random.Generator,
    ) -> Any:
        """The untried architecture of highest promise among few descendants of the parents.

        Three generations of four mutants of each; the sixteen of highest promise have the next.
        A random architecture where all of them were tried.

        Args:
            history: What was tried.
            parents: Trials to begin with.
            promise: What to maximize.
            rng: Source of all randomness.
        """
        found: list[Any] = []
        promises = np.zeros(0)
        generation = [trial.architecture for trial in parents]
        for _ in range(_GENERATIONS):
            children, vectors = self._described(
                self._space.mutate(parent, rng) for parent in generation for _ in range(_OFFSPRING)
            )
            found += children
            promises = np.concatenate([promises, promise(vectors)])
            order = np.argsort(-promises, kind="stable")
            generation = [found[i] for i in order[:_SURVIVORS]]
        best = _best(found, promises, history, 1)
        return best[0] if best else self._space.sample(rng)

    def _around(self, trial: Trial) -> tuple[list[Any], Matrix]:
        """Mutants of a trial's architecture, always the same: half of them by a single change."""
        known = self._mutants.get(trial.number)
        if known is None or known[0] is not trial.architecture:
            rng = np.random.default_rng(trial.number)
            mutants = (self._mutant(trial.architecture, i % 2, rng) for i in range(_MUTANTS))
            known = trial.architecture, *self._described(mutants)
            self._mutants[trial.number] = known
        return known[1:]

    def _mutant(self, architecture: Any, more: int, rng: np.random.Generator) -> Any:
        mutant = self._space.mutate(architecture, rng)
        for _ in range(int(rng.geometric(0.5)) if more else 0):
            mutant = self._space.mutate(mutant, rng)
        return mutant

    def _described(self, architectures: Any) -> tuple[list[Any], Matrix]:
        """The canonical forms of `architectures`, and their vectors."""
        forms = [self._space.canonical(architecture) for architecture in architectures]
        return forms, self._features(forms)


def _best(architectures: list[Any], promises: Vector, history: History, count: int) -> list[Any]:
    """The `count` untried architectures of highest promise, best first."""
    found: dict[Any, None] = {}
    for index in np.argsort(-promises, kind="stable"):
        if architectures[index] not in history.architectures:
            found[architectures[index]] = None
        if len(found) == count:
            break
    return list(found)
