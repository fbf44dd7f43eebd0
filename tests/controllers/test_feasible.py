"""Search within bounds: nothing known to be outside is proposed; a small feasible part is found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pytest

import raynas as nas
from raynas.controllers.by_name import within_bounds
from raynas.controllers.feasible import FeasibleSpace
from raynas.errors import ConfigurationError
from raynas.space import choice, integer, repeat, searchable
from raynas.testing import ControllerContract
from raynas.trials import BOUND, Infeasible, Measurement


@searchable
class Block:
    width: int = choice(8, 16, 32, 64, 128)
    kernel: int = choice(1, 3, 5, 7)


@searchable
class Net:
    stem: int = choice(8, 16, 32, 64)
    blocks: tuple[Block, ...] = repeat(Block, 5)


@searchable
class Small:
    width: int = integer(1, 20)


def cost(net: Any) -> float:
    if isinstance(net, Small):
        return float(net.width)
    width, total = net.stem, 0
    for block in net.blocks:
        total += width * block.width * block.kernel
        width = block.width
    return float(total)


def quality(net: Net) -> float:
    return sum(float(np.log(block.width)) + 0.1 * block.kernel for block in net.blocks)


def known(net: Any, names: Collection[str]) -> Mapping[str, float]:
    return {name: cost(net) for name in names if name == "cost"}


def nothing_known(net: Any, names: Collection[str]) -> Mapping[str, float]:
    return {}


SPACE = nas.Space(Net)
COSTS = np.array([cost(SPACE.sample(np.random.default_rng(n))) for n in range(2000)])
RARE = nas.rewards.AtMost("cost", float(np.quantile(COSTS, 0.01)))


def searched(controller: str, foreknown: Any, trials: int, seed: int = 0) -> nas.AskTell[Any]:
    search = nas.AskTell(
        Net,
        within_bounds(controller, [RARE], foreknown),
        seed,
        reward=nas.rewards.Constrained(nas.rewards.Metric("quality"), (RARE,)),
    )
    for _ in range(trials):
        proposal = search.ask()
        assert proposal is not None
        net = proposal.architecture
        search.tell(proposal.number, Measurement({"quality": quality(net), "cost": cost(net)}))
    return search


@pytest.mark.parametrize("controller", ["auto", "random", "evolution", "nsga2", "tpe"])
def test_nothing_is_proposed_that_is_known_to_be_outside(controller: str) -> None:
    """One per cent of the space is within; every controller proposes that only, and no twins."""
    history = searched(controller, known, 12).history
    assert len(history.completed) == 12
    assert len(set(history.architectures)) == 12


def test_the_feasible_part_is_found_by_measuring() -> None:
    """Of 60 random trials less than one is expected to be within."""
    history = searched("auto", nothing_known, 60).history
    assert len(history.completed) > 20
    assert len(history.outside) == 60 - len(history.completed)
    assert not history.failures
    best = max(t.reward or 0.0 for t in history.completed)
    random = [SPACE.sample(np.random.default_rng(n)) for n in range(4000)]
    inside = [quality(net) for net in random if cost(net) <= RARE.limit]
    assert best >= max(inside), "of 4,000 random architectures"


def test_bounds_on_both_kinds_of_metric_go_together() -> None:
    """One is free to know, the other is learned."""
    free = nas.rewards.AtLeast("cost", float(np.quantile(COSTS, 0.5)))
    bounds = (free, nas.rewards.AtMost("seconds", 20.0))
    search = nas.AskTell(
        Net,
        within_bounds("auto", bounds, known),
        reward=nas.rewards.Constrained(nas.rewards.Metric("quality"), bounds),
    )
    for _ in range(30):
        proposal = search.ask()
        assert proposal is not None
        net = proposal.architecture
        assert cost(net) >= free.limit
        seconds = 30.0 - len([b for b in net.blocks if b.kernel == 1]) * 5
        figures = {"quality": quality(net), "cost": cost(net), "seconds": seconds}
        search.tell(proposal.number, Measurement(figures))
    assert search.history.completed


def test_a_part_that_is_tried_whole_ends_the_search() -> None:
    search = nas.AskTell(Small, within_bounds("auto", [nas.rewards.AtMost("cost", 5)], known))
    tried = []
    while (proposal := search.ask()) is not None:
        tried.append(proposal.architecture.width)
        search.tell(proposal.number, 1.0)
    assert sorted(tried) == [1, 2, 3, 4, 5]


def test_what_nothing_meets_is_refused_with_the_nearest() -> None:
    part = FeasibleSpace(SPACE, [nas.rewards.AtMost("cost", 10)], known)
    with pytest.raises(ConfigurationError, match=r"none is within; of the nearest, Net\(stem"):
        part.sample(np.random.default_rng(0))


def test_the_survey_finds_what_chance_does_not() -> None:
    """The least of five blocks is one in some million architectures."""
    least = 5 * 8 * 8.0
    part = FeasibleSpace(SPACE, [nas.rewards.AtMost("cost", least)], known)
    assert part.survey.inside == 0
    assert [cost(net) for net in part.survey.found] == [least] * len(part.survey.found)


@pytest.mark.parametrize(
    ("share", "most"), [(0.001, 400), (0.01, 320), (0.02, 250), (0.1, 250), (0.3, 100)]
)
def test_a_survey_costs_few_checks_and_finds_different_architectures(
    share: float, most: int
) -> None:
    checked = []

    def counting(net: Any, names: Collection[str]) -> Mapping[str, float]:
        checked.append(net)
        return known(net, names)

    part = FeasibleSpace(
        SPACE, [nas.rewards.AtMost("cost", float(np.quantile(COSTS, share)))], counting
    )
    found = part.survey.found
    assert len(found) >= 20
    assert all(part.allows(net) for net in found)
    assert len(checked) == len(set(checked)) + 1, "one more to learn what is free to know"
    assert len(checked) <= most
    assert abs(part.survey.inside / part.survey.drawn - share) < 0.15


def test_an_architecture_whose_metrics_raise_is_left_to_its_trial() -> None:
    def raising(net: Any, names: Collection[str]) -> Mapping[str, float]:
        if net.width == 3:
            raise ValueError("cannot be built")
        return {"cost": cost(net)}

    part = FeasibleSpace(nas.Space(Small), [nas.rewards.AtMost("cost", 1)], raising)
    assert [part.allows(Small(width)) for width in (1, 2, 3)] == [True, False, True]


def test_a_first_architecture_outside_is_passed_over() -> None:
    def warm(space: Any) -> nas.controllers.Controller:
        inner = nas.controllers.make_controller("random", space)
        return nas.controllers.WarmStart(inner, first=[Small(20), Small(2)])

    search = nas.AskTell(Small, within_bounds(warm, [nas.rewards.AtMost("cost", 5)], known))
    first = search.ask()
    assert first is not None
    assert first.architecture == Small(2)
    search.tell(0, Infeasible("x", kind=BOUND))
    second = search.ask()
    assert second is not None
    assert second.architecture.width in (1, 3, 4, 5)


class TestWithinBounds(ControllerContract):
    """A fresh instance proposes the same, in the suite's own spaces."""

    def make(self, space: nas.Space[Any]) -> nas.controllers.Controller:
        bounds = [nas.rewards.AtMost("decisions", 10_000)]

        def decisions(net: Any, names: Collection[str]) -> Mapping[str, float]:
            return {"decisions": len(space.to_config(net))}

        return within_bounds("evolution", bounds, decisions)(space)  # type: ignore[operator]
