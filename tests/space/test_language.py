"""Each word of the language on its own: its values, its size, its errors."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy import stats

from raynas.errors import SpaceError
from raynas.space import (
    Graph,
    Space,
    choice,
    integer,
    real,
    recurse,
    repeat,
    searchable,
    shared,
    subset,
)


def space_of(**fields: Any) -> Space[Any]:
    annotations = dict.fromkeys(fields, object)
    return Space(searchable(type("Net", (), {"__annotations__": annotations, **fields})))


@searchable
class Leaf:
    value: int = integer(0, 1)


@searchable
class Tree:
    left: Any = choice(Leaf, recurse(2))
    right: Any = choice(Leaf, recurse(2))


def test_recursion_is_unrolled_to_its_depth() -> None:
    one = 2 * 2
    two = (2 + one) ** 2
    assert Space(Tree).size == (2 + two) ** 2
    leaf = Leaf(0)
    deep = Tree(Tree(Tree(leaf, leaf), leaf), leaf)
    space = Space(Tree)
    assert space.from_json(space.to_json(deep)) == deep
    assert space.from_config(space.to_config(deep)) == deep
    with pytest.raises(
        SpaceError, match=r"left\.Tree\.left\.Tree\.left = Tree\(.*use choice\(Leaf"
    ):
        space.check(Tree(Tree(Tree(deep, leaf), leaf), leaf))


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: recurse(0), r"recurse\(depth=0\): depth must be a whole number from 1 on"),
        (lambda: space_of(x=recurse(1)), r"may only be an option of a choice\(\)"),
        (lambda: space_of(x=choice(recurse(1))), "has no other option: give one that ends it"),
        (lambda: real(1, 1), r"real\(1.0, 1.0\): low must be below high"),
        (lambda: real(0, math.inf), r"real\(high=inf\): high must be a finite number"),
        (lambda: real(0, 1, log=True), "needs low above 0, and takes no step"),
        (lambda: real(0, 1, step=0.3), "step must be above 0 and meet 1"),
        (lambda: real(0, 1, step=-1), "step must be above 0 and meet 1"),
        (lambda: subset(k=1), r"subset\(\) has no options"),
        (lambda: subset(1, 2, k=3), r"subset\(k=3\) of 2 options: .* from 0 to 2"),
        (lambda: subset(1, 2, k=(2, 1)), r"subset\(k=\(2, 1\)\)"),
        (lambda: subset(Leaf, 2, k=1), r"use repeat\(choice\(...\)\) for classes"),
        (lambda: shared("", integer(0, 1)), "must be a text that is not empty"),
        (lambda: shared("x", 3), r"shared\(element=3\)"),
        (lambda: shared("x", repeat(shared("y", Leaf), 2)), "holds a shared choice"),
        (lambda: repeat(integer(0, 1, default=1), 2), "give the field a default, not a part"),
        (
            lambda: space_of(x=shared("w", integer(0, 1)), y=shared("w", integer(0, 2))),
            r"shared\('w'\) is integer\(0, 1\) in one place and integer\(0, 2\) in another",
        ),
        (
            lambda: space_of(x=integer(0, 3, default=4)),
            r"default of Net\.x = 4 is not in the space: use integer\(0, 3\)",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(declare: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        declare()


@searchable
class Wide:
    width: int = shared("width", integer(1, 3))
    kind: str = choice("a", "b")


@searchable
class Two:
    first: str | Wide = choice("none", Wide)
    second: str | Wide = choice("none", Wide)


def test_a_shared_choice_is_decided_once_wherever_it_stands() -> None:
    space = Space(Two)
    # Neither uses the width; one does, with its own kind; both do, with one width.
    assert space.size == 1 + 2 * (2 * 3) + 2 * 2 * 3 == len(set(space.enumerate()))
    space.check(Two(Wide(2, "a"), Wide(2, "b")))
    with pytest.raises(SpaceError, match="@width differs from place to place"):
        space.check(Two(Wide(2, "a"), Wide(3, "b")))
    assert space.to_config(Two("none", Wide(2, "b"))) == {
        "first": "none",
        "second": "Wide",
        "@width": 2,
        "second.Wide.kind": "b",
    }


def test_tied_elements_are_the_same_one() -> None:
    space = space_of(blocks=repeat(Leaf, 0, 3, tied=True))
    assert space.size == 1 + 3 * 2 == len(set(space.enumerate()))
    with pytest.raises(SpaceError, match="use equal elements"):
        space.check(space.root((Leaf(0), Leaf(1))))


@pytest.mark.parametrize(
    ("distinct", "ordered", "size"),
    [
        (True, False, 10 + 10),
        (True, True, 20 + 60),
        (False, False, 15 + 35),
        (False, True, 25 + 125),
    ],
)
def test_sizes_of_subsets(distinct: bool, ordered: bool, size: int) -> None:
    space = space_of(x=subset(*"abcde", k=(2, 3), distinct=distinct, ordered=ordered))
    assert space.size == size == len(set(space.enumerate()))


def test_an_unordered_subset_is_in_the_order_of_its_options() -> None:
    space = space_of(x=subset("a", "b", "c", k=2))
    assert space.contains(space.root(("a", "c")))
    assert not space.contains(space.root(("c", "a")))
    assert not space.contains(space.root(("a", "a")))
    assert space.to_config(space.root(("a", "c"))) == {"x[0]": "a", "x[1]": "c"}


def test_real_numbers_without_steps_are_endless() -> None:
    space = space_of(x=real(0.001, 10.0, log=True), y=integer(0, 1))
    assert space.size == math.inf
    drawn = [space.sample(np.random.default_rng(seed)) for seed in range(400)]
    assert 0.25 < np.mean([net.x < 0.1 for net in drawn]) / 1 < 0.75
    net = drawn[0]
    assert space.from_config(space.to_config(net)) == net
    assert space.from_json(space.to_json(net)) == net
    assert space.mutate(net, np.random.default_rng(1)) != net
    assert list(space.neighbors(net)) == [space.root(net.x, 1 - net.y)]
    vector = space.one_hot(space.root(0.1, 1))
    assert vector == pytest.approx([1.0, 0.5, 0.0, 1.0])
    for refused in (
        space.enumerate,
        lambda: space.sample(np.random.default_rng(), "architectures"),
    ):
        with pytest.raises(SpaceError, match="has real numbers without steps"):
            refused()
    with pytest.raises(SpaceError, match="x is a real number without steps"):
        space.encode(net)


@searchable
class Odd:
    first: int = integer(0, 3)
    second: int = integer(0, 3)

    def is_feasible(self) -> bool:
        return (self.first + self.second) % 2 == 1


@searchable
class Odds:
    odds: tuple[Odd, ...] = repeat(Odd, 1, 2)


def test_only_feasible_architectures_are_given_out() -> None:
    space = Space(Odds)
    rng = np.random.default_rng(0)
    assert space.size == 16 + 256
    assert len(list(space.enumerate())) == 8 + 64
    net = space.sample(rng)
    for _ in range(50):
        net = space.crossover(space.mutate(net, rng), space.sample(rng, "architectures"), rng)
        space.check(net)
        assert all(map(space.contains, space.neighbors(net)))
    bad = Odds((Odd(0, 0),))
    with pytest.raises(SpaceError, match=r"odds\[0\] = .* one for which Odd\.is_feasible holds"):
        space.check(bad)
    with pytest.raises(SpaceError, match=r"breaks Odd\.is_feasible"):
        space.from_config({"odds.length": 1, "odds[0].first": 0, "odds[0].second": 0})


@searchable
class Never:
    value: int = integer(0, 3)

    def is_feasible(self) -> bool:
        return False


def test_a_space_without_feasible_architectures_says_so() -> None:
    with pytest.raises(SpaceError, match=r"none of 1000 draws from Space\(Never\) was feasible"):
        Space(Never).sample(np.random.default_rng(0))


@searchable
class Net:
    encoder: tuple[Leaf, ...] = repeat(Leaf, 1, 3, default=(Leaf(0), Leaf(1)))
    head: str = choice("linear", "mlp", default="mlp")
    width: int = integer(8, 64, step=8, default=16)


def test_defaults_make_up_the_baseline() -> None:
    assert Space(Net).baseline == Net() == Net((Leaf(0), Leaf(1)), "mlp", 16)
    with pytest.raises(SpaceError, match=r"Leaf has no baseline .*'value'.*every field a default"):
        _ = Space(Leaf).baseline


def test_a_split_holds_the_rest_at_the_baseline() -> None:
    encoder, head = Space(Net).split("encoder", "head")
    assert (encoder.size, head.size) == (2 + 4 + 8, 2)
    assert {net.head for net in encoder.enumerate()} == {"mlp"}
    assert set(head.enumerate()) == {Net(head="linear"), Net(head="mlp")}
    assert not head.contains(Net(width=8))
    with pytest.raises(SpaceError, match="Net searches no field 'tail': use one of encoder, head"):
        Space(Net).split("tail")


def test_around_winners_lies_what_they_have_in_common() -> None:
    space = Space(Net)
    winners = (Net((Leaf(1),), "mlp", 16), Net((Leaf(1), Leaf(1)), "mlp", 40))
    near = space.around(*winners)
    assert near.size == 2 * 1 * 4
    assert all(map(near.contains, winners))
    assert all(map(space.contains, near.enumerate()))
    with pytest.raises(SpaceError, match="give at least one"):
        space.around()


def test_around_one_architecture_lies_nothing_else() -> None:
    """Also where its numbers are real ones."""
    space = space_of(x=real(0, 1, step=0.1), y=real(0, 1), z=integer(1, 3), w=subset(1, 2, 3, k=2))
    net = space.root(0.3, 0.25, 2, (1, 3))
    near = space.around(net)
    assert near.size == 1
    assert list(near.enumerate()) == [net]
    assert near.from_json(near.to_json(net)) == net


def test_sampling_over_architectures_is_uniform() -> None:
    space = Space(Two)
    rng = np.random.default_rng(0)
    counts = Counter(space.sample(rng, "architectures") for _ in range(5000))
    assert len(counts) == space.size
    assert stats.chisquare(list(counts.values())).pvalue > 0.001


def test_sampling_over_choices_sees_branches_alike() -> None:
    space = Space(Two)
    rng = np.random.default_rng(0)
    counts = Counter(space.sample(rng).first == "none" for _ in range(4000))
    assert stats.chisquare(list(counts.values())).pvalue > 0.001


@pytest.mark.parametrize("distinct", [True, False])
@pytest.mark.parametrize("ordered", [True, False])
def test_subsets_are_drawn_uniformly(distinct: bool, ordered: bool) -> None:
    space = space_of(x=subset(*"abcd", k=(1, 3), distinct=distinct, ordered=ordered))
    rng = np.random.default_rng(0)
    counts = Counter(space.sample(rng).x for _ in range(100 * int(space.size)))
    assert len(counts) == space.size
    assert stats.chisquare(list(counts.values())).pvalue > 0.001


@searchable
class Cell:
    edges: tuple[str, ...] = repeat(choice("none", "conv"), 3)

    def graph(self) -> Graph:
        labels = ("input", *self.edges, "output")
        edges = ((0, 1), (1, 2), (0, 3), (2, 4), (3, 4))
        return Graph(labels, edges)


@searchable
class Cells:
    cells: tuple[Cell, ...] = repeat(Cell, 1, 2)


def test_paths_are_read_off_the_graphs_of_cells() -> None:
    net = Cells((Cell(("conv", "none", "conv")),))
    assert Space(Cells).paths(net) == {"conv>none", "conv"}
    assert net.cells[0].graph().adjacency.sum() == 5


@searchable
class NoCell:
    width: int = integer(0, 1)

    def graph(self) -> int:
        return self.width


@searchable
class OfGraphs:
    graph: str = choice("sparse", "dense")


def test_a_graph_that_is_none_is_refused_and_a_choice_may_be_called_so() -> None:
    with pytest.raises(SpaceError, match=r"NoCell.graph\(\) returned 1: must be a raynas.space"):
        Space(NoCell).paths(NoCell(1))
    assert Space(OfGraphs).paths(OfGraphs("dense")) == {"graph=dense"}


def test_without_graphs_paths_are_the_active_decisions() -> None:
    assert Space(Leaf).paths(Leaf(1)) == {"value=1"}


def test_an_edge_backwards_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"edge \(1, 0\) of a graph of 2 nodes"):
        Graph(("input", "output"), ((1, 0),))


def test_whole_numbers_by_their_logarithm_are_drawn_like_real_ones_cut_off() -> None:
    """Each n as often as a number between n and n + 1 that is uniform by its logarithm."""
    space = space_of(x=integer(1, 8, log=True))
    rng = np.random.default_rng(0)
    counts = Counter(space.sample(rng).x for _ in range(5000))
    expected = [5000 * math.log((n + 1) / n) / math.log(9) for n in range(1, 9)]
    assert stats.chisquare([counts[n] for n in range(1, 9)], expected).pvalue > 0.001
    assert space.size == 8
    for refused in (lambda: integer(0, 8, log=True), lambda: integer(1, 9, step=2, log=True)):
        with pytest.raises(SpaceError, match=r"log=True\): needs low above 0"):
            refused()


def test_a_baseline_can_be_given_to_the_space() -> None:
    assert Space(Leaf, baseline=Leaf(1)).baseline == Leaf(1)
    with pytest.raises(SpaceError, match=r"value = 2 is not in the space: use integer\(0, 1\)"):
        Space(Leaf, baseline=Leaf(2))
    (heads,) = Space(Net, baseline=Net(width=64)).split("head")
    assert {net.width for net in heads.enumerate()} == {heads.baseline.width} == {64}
