"""NSGA-II: who survives, and what the front gains by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from raynas.controllers import NSGA2, Controller, Random
from raynas.controllers.nsga2 import survivors
from raynas.errors import ConfigurationError
from raynas.space import Space, integer, repeat, searchable
from raynas.testing import ToyNet, simulate, toy_reward
from raynas.trials import Completed, History, Measurement, Trial


@searchable
class Numbers:
    """Two objectives that pull at all of its numbers."""

    numbers: tuple[int, ...] = repeat(integer(0, 9), 8)


def opposed(net: Numbers) -> tuple[float, float]:
    """The sum, and how few differences there are between neighbors times the distance to 9."""
    up = sum(net.numbers) / 72
    down = sum((9 - n) ** 2 for n in net.numbers) / 648
    return up, down


def completed(*objectives: tuple[float, ...]) -> tuple[Trial, ...]:
    return tuple(
        Trial(n, f"net {n}", Completed(Measurement({}), values[0], values))
        for n, values in enumerate(objectives)
    )


def numbers(trials: list[Trial]) -> list[int]:
    return [trial.number for trial in trials]


def area(history: History) -> float:
    """What the front dominates of the unit square."""
    points = sorted((t.objectives or (0, 0) for t in history.front()), reverse=True)
    total, height = 0.0, 0.0
    for x, y in points:
        total, height = total + x * max(y - height, 0.0), max(y, height)
    return total


def test_layers_survive_in_turn() -> None:
    trials = completed((0, 0), (1, 1), (3, 1), (1, 3), (2, 0.5))
    assert set(numbers(survivors(trials, 2))) == {2, 3}
    assert numbers(survivors(trials, 4))[2:] in ([1, 4], [4, 1])


def test_of_a_layer_the_least_crowded_survive() -> None:
    trials = completed((0, 10), (1, 9), (1.1, 8.9), (5, 5), (10, 0))
    assert numbers(survivors(trials, 3)) == [0, 4, 3]


def test_with_one_objective_the_best_survive() -> None:
    assert numbers(survivors(completed((1.0,), (3.0,), (2.0,)), 2)) == [1, 2]


def test_proposals_are_random_until_the_population_is_full() -> None:
    space = Space(ToyNet)
    history = simulate(Random, space, toy_reward, 5)
    proposal = NSGA2(space, population=5).propose(history, np.random.default_rng(0))
    assert proposal == Random(space).propose(history, np.random.default_rng(0))


def test_children_come_from_both_parents_and_differ_from_both() -> None:
    space = Space(Numbers)
    trials = tuple(Trial(n, Numbers((n,) * 8), Completed(Measurement({}), 1.0)) for n in range(2))
    children = [
        NSGA2(space, population=2, crossover=1, mutation=0)
        .propose(History(trials), np.random.default_rng(seed))
        .numbers
        for seed in range(50)
    ]
    assert any({0, 1} == set(child) for child in children)
    assert not {(0,) * 8, (1,) * 8} & set(children)


def test_its_front_dominates_more_than_that_of_random_search() -> None:
    def mean(make: Any) -> float:
        runs = (simulate(make, Space(Numbers), opposed, 200, seed=s) for s in range(3))
        return float(np.mean([area(run) for run in runs]))

    def evolved(space: Space[Any]) -> Controller:
        return NSGA2(space)

    assert mean(evolved) > mean(Random) + 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"population": 1}, "population=1: must be at least 2"),
        ({"crossover": 1.5}, "crossover=1.5: must be between 0 and 1"),
        ({"mutation": -0.1}, "mutation=-0.1: must be between 0 and 1"),
    ],
)
def test_wrong_arguments_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        NSGA2(Space(ToyNet), **arguments)
