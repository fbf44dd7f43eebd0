"""Local search: climbs, tops, and beginnings."""

from __future__ import annotations

import numpy as np
import pytest

from raynas.controllers import LocalSearch, Random
from raynas.errors import ConfigurationError
from raynas.space import Space, integer, searchable
from raynas.testing import ToyNet, simulate, toy_reward
from raynas.trials import Completed, History, Measurement, Trial


@searchable
class Place:
    """A plane of whole numbers; neighbors share a row or a column. Size: 100."""

    x: int = integer(0, 9)
    y: int = integer(0, 9)


SPACE = Space(Place)
ROW = [Place(x, 0) for x in range(1, 10)]
COLUMN = [Place(0, y) for y in range(1, 10)]


def history_of(*rewarded: tuple[Place, float | None]) -> History:
    """A trial each; None still runs."""
    ends = [r if r is None else Completed(Measurement({}), r) for _, r in rewarded]
    return History(
        tuple(Trial(n, a, end) for n, ((a, _), end) in enumerate(zip(rewarded, ends, strict=True)))
    )


def proposals(history: History, beginnings: int = 1, draws: int = 30) -> set[Place]:
    return {
        LocalSearch(SPACE, beginnings).propose(history, np.random.default_rng(seed))
        for seed in range(draws)
    }


def test_neighbors_of_the_best_are_tried() -> None:
    found = proposals(history_of((Place(0, 0), 2.0), (Place(5, 5), 1.0)), draws=200)
    assert found == {*ROW, *COLUMN}


def test_the_first_better_neighbor_is_moved_to() -> None:
    found = proposals(history_of((Place(0, 0), 1.0), (Place(4, 0), 0.5), (Place(0, 7), 2.0)))
    assert all(net.x == 0 or net.y == 7 for net in found)


def test_no_neighbor_is_tried_twice_running_ones_included() -> None:
    tried = [(net, 0.5) for net in ROW] + [(net, None) for net in COLUMN[:-1]]
    assert proposals(history_of((Place(0, 0), 1.0), *tried)) == {COLUMN[-1]}


def test_a_top_ends_the_climb() -> None:
    """Its neighbors are no beginnings, though none of theirs were tried."""
    tried = [(net, 0.5 + 0.01 * net.x) for net in ROW + COLUMN]
    found = proposals(history_of((Place(0, 0), 1.0), *tried))
    assert len(found) > 15


def test_a_climb_goes_on_when_a_neighbor_ends_late() -> None:
    """The other beginning, made while it ran, is worse and waits."""
    tried = [(net, 0.5) for net in ROW + COLUMN[1:]]
    late = history_of((Place(0, 0), 1.0), (COLUMN[0], 3.0), *tried, (Place(6, 6), 2.0))
    assert all(1 in (net.x, net.y) for net in proposals(late))


def test_equally_good_neighbors_are_no_step_up() -> None:
    tried = [(net, 1.0) for net in ROW + COLUMN]
    found = proposals(history_of((Place(0, 0), 1.0), *tried))
    assert len({net.x for net in found}) > 5


def test_the_climb_begins_from_the_best_of_the_beginnings() -> None:
    history = history_of((Place(0, 0), 1.0), (Place(5, 5), 2.0))
    assert len(proposals(history, beginnings=3)) > 15
    assert all(5 in (net.x, net.y) for net in proposals(history, beginnings=2))


def test_local_search_beats_random_search() -> None:
    space = Space(ToyNet)

    def best(make: type[LocalSearch] | type[Random], seed: int) -> float:
        return max(simulate(make, space, toy_reward, 150, seed=seed).rewards)

    climbed = np.mean([best(LocalSearch, seed) for seed in range(5)])
    assert climbed > np.mean([best(Random, seed) for seed in range(5)]) + 0.1


def test_no_beginnings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="beginnings=0: must be at least 1"):
        LocalSearch(SPACE, beginnings=0)
