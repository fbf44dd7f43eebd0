"""Regularized (ageing) evolution.

Real, Aggarwal, Huang and Le 2019, "Regularized Evolution for Image Classifier Architecture
Search", AAAI, Algorithm 1: the population is the last P rewarded architectures; the best of a
random tournament of S is mutated; the oldest dies, however good.

The paper mutates hidden states and operations of NASNet cells; here a mutation changes one
decision of any space. Age is the order in which trials were asked, so that a replayed search is
the same whatever the clock was. Trials without a reward never enter the population.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from raynas.arguments import checked
from raynas.controllers.base import Controller
from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.trials import Architecture, History, Trial

__all__ = ["RegularizedEvolution"]


@checked
class RegularizedEvolution(Controller):
    """Ageing evolution by mutation.

    Args:
        space: Space of the proposals.
        population: P of the paper, the number of living architectures. Until so many have a
            reward, proposals are random.
        tournament: S of the paper, how many are drawn, with replacement, for each parent.

    Raises:
        ConfigurationError: A size is below 1.
    """

    def __init__(self, space: Space[Any], population: int = 30, tournament: int = 8) -> None:
        super().__init__(space)
        for name, value in (("population", population), ("tournament", tournament)):
            if value < 1:
                raise ConfigurationError(f"{name}={value}: must be at least 1")
        self.population = population
        self.tournament = tournament

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        if len(history.completed) < self.population or self.space.size == 1:
            return self.space.sample(rng)
        parent = parent_of(history, self.population, self.tournament, rng)
        return self.space.mutate(parent.architecture, rng)


def parent_of(
    history: History, population: int, tournament: int, rng: np.random.Generator
) -> Trial:
    """The best of a tournament among the last `population` trials that have a reward."""
    living = history.completed[-population:]
    rewards = history.rewards[-population:]
    drawn = rng.integers(len(living), size=tournament)
    best: Trial = living[max(drawn, key=lambda index: rewards[index])]
    return best
