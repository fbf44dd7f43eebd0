"""Batches of proposals are what one by one would be over the same candidates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from raynas.asktell import AskTell
from raynas.controllers import Random, make_controller
from raynas.controllers.acquisition import log_expected_improvement
from raynas.controllers.batch_proposals import Explored, believed_batch
from raynas.controllers.gaussian_process import GaussianProcess, Kernel, Term
from raynas.controllers.planner import Planner
from raynas.errors import ConfigurationError
from raynas.space import choice, repeat, searchable
from raynas.testing import TinyNet
from raynas.trials import Infeasible


@searchable
class Edges:
    of: tuple[int, ...] = repeat(choice(0, 1, 2, 3), 6)


@searchable
class ManyEdges:
    of: tuple[int, ...] = repeat(choice(0, 1, 2, 3), 24)


def started(controller: Any, space: Any = Edges, count: int = 40) -> AskTell[Any]:
    """A search with so many results of random architectures, some of them infeasible."""
    search = AskTell(space, Random, seed=3)
    for number in range(count):
        proposal = search.ask()
        assert proposal is not None
        good = number % 7 != 3
        reward = float(sum(proposal.architecture.of))
        search.tell(number, reward if good else Infeasible("too large"))
    search._planner = Planner(make_controller(controller, search.space), 3)
    return search


def test_a_batch_is_that_of_a_process_made_anew_for_each_proposal() -> None:
    rng = np.random.default_rng(0)
    kernel = Kernel((Term(0.8, slice(0, 3), np.array([0.5, 1.0, 2.0])),), 0.05)
    x = rng.normal(size=(12, 3))
    process = GaussianProcess(kernel, x, np.sin(x).sum(1))
    candidates = rng.normal(size=(60, 3))
    chances = np.log(rng.uniform(0.5, 1.0, 60))
    beyond = [1.0, 2.5, 1.0, 2.5, 1.0, 1.0, 1.0, 1.0]
    expected: list[int] = []
    for value in beyond:
        believed = process.expecting(candidates[expected]) if expected else process
        worth = log_expected_improvement(*believed.predict(candidates), value) + chances
        worth[expected] = -np.inf
        expected.append(int(np.argmax(worth)))
    explored = Explored(process)
    for part in (candidates[:30], candidates[30:45], candidates[45:]):
        explored.log_improvement(part, 1.0)
    order = rng.permutation(60)
    chosen = believed_batch(process, explored.posterior(order), beyond, chances[order])
    assert [int(order[row]) for row in chosen] == expected


@pytest.mark.parametrize("space", [Edges, ManyEdges])
@pytest.mark.parametrize("controller", ["auto", "random", "evolution"])
def test_a_batch_has_distinct_untried_architectures_under_following_numbers(
    controller: str, space: Any
) -> None:
    search = started(controller, space)
    tried = set(search.history.architectures)
    proposals = search.ask_batch(45)
    assert [proposal.number for proposal in proposals] == list(range(40, 85))
    assert len({proposal.architecture for proposal in proposals} - tried) == 45


def test_a_batch_of_a_model_is_far_better_than_random() -> None:
    proposals = started("auto").ask_batch(20)
    assert np.mean([sum(proposal.architecture.of) for proposal in proposals]) > 12


def test_few_proposals_are_made_one_by_one() -> None:
    together, alone = started("auto"), started("auto")
    expected = [alone.ask() for _ in range(7)]
    assert together.ask_batch(7) == expected


def test_a_batch_ends_with_the_space() -> None:
    search = AskTell(TinyNet, "auto")
    assert len(search.ask_batch(50)) == search.space.size
    assert search.ask_batch(8) == []


@pytest.mark.parametrize("free", [0, -1, 1.5, "8", True, None])
def test_what_is_no_number_of_free_places_is_refused(free: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"free={free!r}: must be a whole number from 1"):
        AskTell(Edges, "random").ask(free)
