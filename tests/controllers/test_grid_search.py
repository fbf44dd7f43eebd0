"""The grid: everything once, early ones all over the space."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from raynas.controllers import Controller, Deduplicated, Grid, WarmStart, make_controller
from raynas.errors import ConfigurationError, SpaceError
from raynas.space import Space, choice, real, repeat, searchable
from raynas.testing import MixedNet, TinyNet, ToyNet, simulate
from raynas.trials import History


@searchable
class Reals:
    """Two real numbers, one by its logarithm."""

    rate: float = real(0.1, 10.0, log=True)
    share: float = real(0.0, 1.0)


@searchable
class Letters:
    """Six choices of five. Size: 15,625."""

    letters: tuple[str, ...] = repeat(choice(*"abcde"), 6)


@searchable
class Rising:
    """A space of which half cannot be built. Size: 16, of which 10 are feasible."""

    first: int = choice(1, 2, 3, 4)
    second: int = choice(1, 2, 3, 4)

    def is_feasible(self) -> bool:
        return self.first <= self.second


def asked(grid: Any, space: Space[Any], trials: int) -> list[Any]:
    return [t.architecture for t in simulate(grid, space, lambda _: 0.0, trials, parallel=3)]


@pytest.mark.parametrize("order", ["spread", "listed"])
@pytest.mark.parametrize("cls", [TinyNet, Rising])
def test_every_architecture_comes_once_and_then_none(order: Any, cls: type) -> None:
    space = Space(cls)
    found = asked(lambda s: Grid(s, order), space, 100)
    assert len(found) == len(set(found))
    assert set(found) == set(space.enumerate())


def test_listed_is_the_order_of_enumerate() -> None:
    space = Space(TinyNet)
    assert asked(lambda s: Grid(s, "listed"), space, 100) == list(space.enumerate())


def test_spread_covers_every_option_of_every_choice_early() -> None:
    """Of 50 in 15,625, each option of each of the six choices comes 10 times, give or take 4."""
    found = asked(Grid, Space(Letters), 50)
    for place in range(6):
        counts = Counter(net.letters[place] for net in found)
        assert set(counts) == set("abcde")
        assert all(6 <= count <= 14 for count in counts.values())


def test_real_numbers_are_tried_at_levels_from_bound_to_bound() -> None:
    found = asked(lambda s: Grid(s, levels=3), Space(Reals), 100)
    assert {net.share for net in found} == {0.0, 0.5, 1.0}
    assert sorted({net.rate for net in found}) == pytest.approx([0.1, 1.0, 10.0])
    assert len(found) == 9


def test_a_gridded_space_is_a_finite_part_of_the_space() -> None:
    space = Space(MixedNet)
    finite = space.gridded(2)
    assert space.size == math.inf
    assert finite.size < 10**6
    for rank in range(0, int(finite.size), 5001):
        architecture = finite.at(rank)
        assert architecture is None or space.contains(architecture)


def test_each_rank_is_another_architecture() -> None:
    space = Space(Rising)
    found = [space.at(rank) for rank in range(16)]
    assert found.count(None) == 6
    assert len(set(found) - {None}) == 10


def test_what_others_tried_is_left_out() -> None:
    """A grid that goes on with another search's history proposes the rest."""
    space = Space(ToyNet)
    history = simulate(Grid, space, lambda _: 0.0, 30)
    rest = asked(Grid, space, 40)[30:]
    grid, rng = Grid(space), np.random.default_rng(0)
    assert grid.propose(history, rng) == rest[0]
    assert grid.propose(History(), rng) == asked(Grid, space, 1)[0]


def test_ranks_outside_the_space_are_refused() -> None:
    with pytest.raises(SpaceError, match=r"rank=6: Space\(TinyNet\) has the ranks from 0 up to 6"):
        Space(TinyNet).at(6)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="order='random': use 'spread' or 'listed'"):
        Grid(Space(TinyNet), "random")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="levels=1: must be at least 2"):
        Grid(Space(TinyNet), levels=1)


@searchable
class Alike:
    """The order of its two numbers makes no difference. Size: 16, of which 10 differ."""

    first: int = choice(1, 2, 3, 4)
    second: int = choice(1, 2, 3, 4)

    @property
    def canonical(self) -> Alike:
        return Alike(*sorted((self.first, self.second)))


@pytest.mark.parametrize("name", ["grid", "local-search", "ppo", "nsga2"])
def test_of_those_that_are_alike_one_is_tried(name: str) -> None:
    def make(space: Space[Any]) -> Controller:
        return make_controller(name, space)

    history = simulate(make, Space(Alike), lambda net: float(net.first), 30, parallel=2)
    assert len(history) == 10
    assert all(trial.architecture.first <= trial.architecture.second for trial in history)


def test_a_warm_start_with_another_form_ends() -> None:
    def make(space: Space[Any]) -> Controller:
        return Deduplicated(WarmStart(Grid(space), [Alike(4, 1), Alike(2, 1)]))

    history = simulate(make, Space(Alike), lambda _: 0.0, 30)
    assert [t.architecture for t in history[:2]] == [Alike(1, 4), Alike(1, 2)]
    assert len(history) == 10
