"""NSGA-II: evolution towards the front between several objectives.

Deb, Pratap, Agarwal and Meyarivan 2002, "A Fast and Elitist Multiobjective Genetic Algorithm:
NSGA-II", IEEE Transactions on Evolutionary Computation 6(2): survivors are taken layer by layer
of non-domination (section III-A), the least crowded of the layer that does not fit (III-B);
parents win tournaments of two by layer, then by crowding (III-B, "crowded comparison"); children
come by crossover and mutation.

As trials end one by one and out of order, there are no generations: each proposal is a child of
the N best of all that have completed so far, the steady state of Durillo, Nebro, Luna and Alba
2009, "On the Effect of the Steady-State Selection Scheme in Multi-Objective Genetic Algorithms".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from raynas.arguments import checked
from raynas.controllers.base import Controller
from raynas.dominance import crowding, fronts
from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.trials import Architecture, History, Trial

__all__ = ["NSGA2"]


@checked
class NSGA2(Controller):
    """Elitist evolution by crossover and mutation over `Trial.objectives`, one or several.

    Args:
        space: Space of the proposals.
        population: N of the paper, how many may be parents. Until so many have completed,
            proposals are random.
        crossover: Probability of a second parent; without one, the first is copied.
        mutation: Probability that one decision of a child of two parents is changed. What would
            be a copy of a parent is always changed.

    Raises:
        ConfigurationError: `population` is below 2, or a probability not between 0 and 1.
    """

    def __init__(
        self,
        space: Space[Any],
        population: int = 30,
        crossover: float = 0.9,
        mutation: float = 0.3,
    ) -> None:
        super().__init__(space)
        if population < 2:
            raise ConfigurationError(f"population={population}: must be at least 2")
        for name, value in (("crossover", crossover), ("mutation", mutation)):
            if not 0 <= value <= 1:
                raise ConfigurationError(f"{name}={value}: must be between 0 and 1")
        self.population = population
        self.crossover = crossover
        self.mutation = mutation
        self._living: tuple[History, list[Trial]] = (History(), [])

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        if len(history.completed) < self.population or self.space.size == 1:
            return self.space.sample(rng)
        if self._living[0] is not history:
            self._living = history, survivors(history.completed, self.population)
        mother, father = (self._parent(rng) for _ in range(2))
        child = mother
        if rng.random() < self.crossover:
            child = self.space.crossover(mother, father, rng)
        if child in (mother, father) or rng.random() < self.mutation:
            child = self.space.mutate(child, rng)
        return child

    def _parent(self, rng: np.random.Generator) -> Architecture:
        """The better of two, which in the order of survival is the earlier one."""
        living = self._living[1]
        return living[rng.integers(len(living), size=2).min()].architecture


def survivors(completed: Sequence[Trial], count: int) -> list[Trial]:
    """The `count` best by layer, then by crowding, best first; earlier ones at ties."""
    points = np.array([trial.objectives for trial in completed], dtype=float)
    if points.shape[1] == 1:
        return [completed[index] for index in np.argsort(-points[:, 0], kind="stable")[:count]]
    ordered: list[int] = []
    for layer in fronts(points, count):
        distances = crowding(points[layer])
        ordered += [layer[place] for place in np.argsort(-distances, kind="stable")]
    return [completed[index] for index in ordered[:count]]
