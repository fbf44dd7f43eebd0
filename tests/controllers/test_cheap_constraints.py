"""`CheapConstraints` passes on only what holds."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from raynas.controllers import CheapConstraints, Controller, Deduplicated, Grid, Random
from raynas.errors import ConfigurationError, SpaceError
from raynas.space import Space
from raynas.testing import TinyNet, ToyNet, simulate
from raynas.trials import History, Trial

SPACE = Space(TinyNet)
RNG = np.random.default_rng(0)


def shallow(net: TinyNet) -> bool:
    return net.depth == 1


@pytest.mark.parametrize("inner", [lambda space: Deduplicated(Random(space)), Grid])
def test_all_that_holds_is_proposed_and_nothing_else(inner: Any) -> None:
    """By a controller that draws, and by one that would repeat what was refused."""

    def make(space: Space[Any]) -> Controller:
        return CheapConstraints(inner(space), shallow)

    history = simulate(make, SPACE, lambda _: 0.0, 20, parallel=2)
    assert history.architectures == set(filter(shallow, SPACE.enumerate()))
    assert len(history) == 3


def test_all_constraints_hold_together() -> None:
    controller = CheapConstraints(Random(SPACE), shallow, lambda net: net.operation == "pool")
    assert controller.propose(History(), RNG) == TinyNet(1, "pool")


def test_each_architecture_is_checked_once() -> None:
    checked: Counter[TinyNet] = Counter()

    def counted(net: TinyNet) -> bool:
        checked[net] += 1
        return shallow(net)

    controller = CheapConstraints(Random(SPACE), counted)
    for _ in range(30):
        controller.propose(History(), RNG)
    assert set(checked.values()) == {1}


def test_random_architectures_come_after_the_attempts() -> None:
    """A grid whose first hundreds are refused."""
    space = Space(ToyNet)

    def deep(net: ToyNet) -> bool:
        return len(net.blocks) > 1

    controller = CheapConstraints(Grid(space, "listed"), deep, attempts=3)
    found = {controller.propose(History(), np.random.default_rng(seed)) for seed in range(5)}
    assert len(found) == 5
    assert all(map(deep, found))


def test_an_untried_one_is_preferred_after_the_attempts() -> None:
    nets = [net for net in SPACE.enumerate() if shallow(net)]
    tried = History((Trial(0, nets[0]), Trial(1, nets[1])))
    controller = CheapConstraints(Random(SPACE), shallow, attempts=20)
    assert controller._sampled(tried, RNG) == nets[2]


def test_constraints_that_nothing_holds_are_named() -> None:
    with pytest.raises(SpaceError, match=r"none of 5 proposals and 5 random .* held the"):
        CheapConstraints(Random(SPACE), lambda _: False, attempts=5).propose(History(), RNG)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="has no constraint: give at least one"):
        CheapConstraints(Random(SPACE))
    with pytest.raises(ConfigurationError, match="constraint 5: must be a function"):
        CheapConstraints(Random(SPACE), 5)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="attempts=0: must be at least 1"):
        CheapConstraints(Random(SPACE), shallow, attempts=0)
