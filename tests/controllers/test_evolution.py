"""Regularized evolution: what the paper promises, and what it draws parents from."""

from __future__ import annotations

import numpy as np
import pytest

from raynas.controllers import Random, RegularizedEvolution
from raynas.errors import ConfigurationError
from raynas.space import Space, repeat, searchable
from raynas.space import integer as whole
from raynas.testing import OPTIMUM, LoneNet, ToyNet, simulate, toy_reward
from raynas.trials import Completed, Failed, History, Measurement, Trial


@searchable
class Counts:
    """Numbers so many that a mutant shows its parent."""

    counts: tuple[int, ...] = repeat(whole(0, 99), 5)


def rewarded(number: int, reward: float) -> Trial:
    outcome = Completed(Measurement({"reward": reward}), reward)
    return Trial(number, Counts((number,) * 5), outcome)


def parents(controller: RegularizedEvolution, history: History, draws: int = 200) -> set[int]:
    """The numbers of the trials whose architectures were mutated."""
    found = set()
    for seed in range(draws):
        mutant = controller.propose(history, np.random.default_rng(seed))
        found.add(max(set(mutant.counts), key=mutant.counts.count))
    return found


def test_the_toy_reward_has_a_single_optimum() -> None:
    optimal = [net for net in Space(ToyNet).enumerate() if toy_reward(net) >= 1]
    assert optimal == [OPTIMUM]


def test_evolution_beats_random_search() -> None:
    """The mean best reward of 200 trials over ten seeds is clearly above that of random search."""
    space = Space(ToyNet)

    def best(make: type[Random] | type[RegularizedEvolution], seed: int) -> float:
        history = simulate(make, space, toy_reward, 200, seed=seed)
        return max(history.rewards)

    evolution = np.mean([best(RegularizedEvolution, seed) for seed in range(10)])
    random = np.mean([best(Random, seed) for seed in range(10)])
    assert evolution > random + 0.1


def test_proposals_are_random_until_the_population_is_full() -> None:
    controller = RegularizedEvolution(Space(Counts), population=4)
    history = History(tuple(rewarded(number, 1.0) for number in range(3)))
    proposal = controller.propose(history, np.random.default_rng(0))
    assert proposal == Random(Space(Counts)).propose(history, np.random.default_rng(0))


def test_parents_are_among_the_last_rewarded() -> None:
    """The oldest die, however good: trials 0 to 5 have the best rewards and no offspring."""
    controller = RegularizedEvolution(Space(Counts), population=4, tournament=1)
    history = History(tuple(rewarded(number, -number) for number in range(10)))
    assert parents(controller, history) == {6, 7, 8, 9}


def test_trials_without_reward_are_no_part_of_the_population() -> None:
    controller = RegularizedEvolution(Space(Counts), population=2, tournament=1)
    ends = (None, Failed("x"))
    late = tuple(Trial(2 + i, Counts((2 + i,) * 5), end) for i, end in enumerate(ends))
    history = History((rewarded(0, 0.0), rewarded(1, 0.0), *late))
    assert parents(controller, history) == {0, 1}


def test_age_is_the_order_of_asking() -> None:
    """A trial that ended last but was asked first is the oldest."""
    controller = RegularizedEvolution(Space(Counts), population=2, tournament=1)
    history = History(tuple(Trial(n, Counts((n,) * 5), started=0.0) for n in range(3)))
    for number in (2, 1, 0):
        outcome = Completed(Measurement({"reward": 0.0}), 0.0)
        history = history.told(number, outcome, ended=10.0 - number)
    assert parents(controller, history) == {1, 2}


def test_the_best_of_the_tournament_is_the_parent() -> None:
    history = History(tuple(rewarded(number, float(number % 4)) for number in range(8)))
    large = RegularizedEvolution(Space(Counts), population=4, tournament=100)
    assert parents(large, history) == {7}


def test_a_space_of_one_has_no_mutants() -> None:
    controller = RegularizedEvolution(Space(LoneNet), population=1)
    outcome = Completed(Measurement({"reward": 0.0}), 0.0)
    history = History((Trial(0, LoneNet(3), outcome),))
    assert controller.propose(history, np.random.default_rng(0)) == LoneNet(3)


@pytest.mark.parametrize("argument", ["population", "tournament"])
def test_sizes_below_one_are_refused(argument: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{argument}=0: must be at least 1"):
        RegularizedEvolution(Space(ToyNet), **{argument: 0})
