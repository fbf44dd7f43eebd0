"""Every controller and wrapper that ships holds the contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from optuna.samplers import TPESampler

from raynas.controllers import (
    NSGA2,
    CheapConstraints,
    Controller,
    Deduplicated,
    Grid,
    LocalSearch,
    Random,
    RegularizedEvolution,
    Surrogate,
    SurrogatePareto,
    WarmStart,
)
from raynas.controllers.optuna import OptunaSampler, nsga3
from raynas.controllers.ppo import PPO
from raynas.errors import SpaceError
from raynas.space import Space
from raynas.testing import ControllerContract, simulate
from raynas.trials import Architecture, History


class TestRandom(ControllerContract):
    def make(self, space: Space[Any]) -> Controller:
        return Random(space)


class TestEvolution(ControllerContract):
    def make(self, space: Space[Any]) -> Controller:
        return RegularizedEvolution(space)


class TestSmallEvolution(ControllerContract):
    def make(self, space: Space[Any]) -> Controller:
        return RegularizedEvolution(space, population=3, tournament=2)


class TestDeduplicatedRandom(ControllerContract):
    def make(self, space: Space[Any]) -> Controller:
        return Deduplicated(Random(space))


class TestDeduplicatedEvolution(ControllerContract):
    def make(self, space: Space[Any]) -> Controller:
        return Deduplicated(RegularizedEvolution(space, population=5), attempts=4)


class TestSurrogate(ControllerContract):
    trials = 24

    def make(self, space: Space[Any]) -> Controller:
        return Surrogate(space, initial=6)


class TestSurrogatePareto(ControllerContract):
    trials = 16

    def make(self, space: Space[Any]) -> Controller:
        return SurrogatePareto(space, initial=6)


class TestGrid(ControllerContract):
    def make(self, space: Space[Any]) -> Controller:
        return Grid(space)


class TestListedGrid(ControllerContract):
    def make(self, space: Space[Any]) -> Controller:
        return Grid(space, "listed")


class TestLocalSearch(ControllerContract):
    def make(self, space: Space[Any]) -> Controller:
        return LocalSearch(space)


class TestNSGA2(ControllerContract):
    def make(self, space: Space[Any]) -> Controller:
        return NSGA2(space, population=10)


class TestWarmStart(ControllerContract):
    """Begins with samples, and with an earlier search of the space."""

    def make(self, space: Space[Any]) -> Controller:
        first = [space.sample(np.random.default_rng(seed)) for seed in range(3)]
        earlier = simulate(Random, space, lambda _: 1.0, 12, seed=1)
        return WarmStart(RegularizedEvolution(space, population=8), first, earlier)


class TestCheapConstraints(ControllerContract):
    """Refuses a third of all architectures, by their text; none in the smallest spaces."""

    def make(self, space: Space[Any]) -> Controller:
        def allowed(architecture: Architecture) -> bool:
            return space.size <= 6 or len(space.key(architecture)) % 3 > 0

        return CheapConstraints(RegularizedEvolution(space, population=8), allowed)


class TestPPO(ControllerContract):
    trials = 40

    def make(self, space: Space[Any]) -> Controller:
        return PPO(space, batch=8, epochs=2, hidden=8)


class TestTPE(ControllerContract):
    trials = 20

    def make(self, space: Space[Any]) -> Controller:
        return OptunaSampler(space, lambda seed: TPESampler(seed=seed, n_startup_trials=5))


class TestNSGA3(ControllerContract):
    trials = 40

    def make(self, space: Space[Any]) -> Controller:
        return OptunaSampler(space, lambda seed: nsga3(seed, population=8))


class Counting(Controller):
    """Breaks the contract: what it proposes depends on how often it was asked before."""

    def __init__(self, space: Space[Any]) -> None:
        super().__init__(space)
        self.asked = 0

    def propose(self, history: History, rng: np.random.Generator) -> Architecture:
        self.asked += 1
        rng.integers(2, size=self.asked)
        return self.space.sample(rng)


class Global(Controller):
    """Breaks the contract: draws from NumPy's global generator."""

    def propose(self, history: History, rng: np.random.Generator) -> Architecture:
        return self.space.sample(np.random.default_rng(np.random.randint(2**31)))


class Forgetful(Controller):
    """Breaks the contract: proposes what is not in the space."""

    def propose(self, history: History, rng: np.random.Generator) -> Architecture:
        return "a network"


def suite_of(controller: type[Controller]) -> ControllerContract:
    class Suite(ControllerContract):
        def make(self, space: Space[Any]) -> Controller:
            return controller(space)

    return Suite()


@pytest.mark.parametrize(
    ("controller", "test", "message"),
    [
        (Counting, "test_a_fresh_instance_proposes_the_same", "fresh and used differ at proposal"),
        (Counting, "test_a_resumed_search_equals_the_uninterrupted_one", "led elsewhere"),
        (Global, "test_the_global_generator_plays_no_part", "global generator was drawn from"),
        (Forgetful, "test_proposals_are_members_of_the_space", "'a network' is not in the space"),
        (Forgetful, "test_a_space_of_one_is_tolerated", "'a network' is not in the space"),
    ],
)
def test_the_contract_catches_what_breaks_it(
    controller: type[Controller], test: str, message: str
) -> None:
    with pytest.raises((AssertionError, SpaceError), match=message):
        getattr(suite_of(controller), test)()
