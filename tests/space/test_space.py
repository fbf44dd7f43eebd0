"""The operations of `Space`, on hand-made spaces and on generated ones."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings

from raynas.errors import SpaceError
from raynas.space import Space, choice, integer, repeat, searchable
from raynas.testing import LoneNet, TinyNet, ToyNet
from raynas.testing.generated import spaces, spaces_and_seeds
from raynas.testing.spaces import Conv, Pool, Skip

MANY = 300
NET = ToyNet(16, (Conv(3, "relu"), Skip()))

given_space = given(spaces())
given_space_and_seed = given(spaces_and_seeds())


def decisions_of(space: Space[Any], architecture: Any) -> dict[str, Any]:
    return space.answers(architecture)


def draw(space: Space[Any], seed: int, count: int = 1) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


@given_space
def test_size_is_the_number_of_different_architectures(space: Space[Any]) -> None:
    architectures = list(islice(space.enumerate(), MANY))
    assert len(architectures) == min(space.size, MANY)
    assert len(set(architectures)) == len(architectures)


@given_space
def test_everything_enumerated_lies_in_the_space(space: Space[Any]) -> None:
    for architecture in islice(space.enumerate(), MANY):
        space.check(architecture)


@given_space_and_seed
def test_samples_lie_in_the_space_and_follow_from_the_seed(drawn: tuple[Space[Any], int]) -> None:
    space, seed = drawn
    (architecture,) = draw(space, seed)
    assert space.contains(architecture)
    assert draw(space, seed) == [architecture]


@given_space_and_seed
def test_config_round_trip(drawn: tuple[Space[Any], int]) -> None:
    space, seed = drawn
    (architecture,) = draw(space, seed)
    config = json.loads(json.dumps(space.to_config(architecture)))
    back = space.from_config(config)
    assert back == architecture
    assert repr(back) == repr(architecture)


@given_space_and_seed
def test_json_round_trip(drawn: tuple[Space[Any], int]) -> None:
    space, seed = drawn
    (architecture,) = draw(space, seed)
    text = space.to_json(architecture)
    back = space.from_json(json.dumps(json.loads(text)))
    assert back == architecture
    assert space.to_json(back) == text


@settings(max_examples=50)
@given_space_and_seed
def test_neighbors_differ_in_one_decision(drawn: tuple[Space[Any], int]) -> None:
    space, seed = drawn
    (architecture,) = draw(space, seed)
    taken = decisions_of(space, architecture)
    neighbors = list(islice(space.neighbors(architecture), MANY))
    assert len(set(neighbors)) == len(neighbors)
    for neighbor in neighbors:
        space.check(neighbor)
        other = decisions_of(space, neighbor)
        assert sum(other[path] != taken[path] for path in taken.keys() & other.keys()) == 1
        assert space.distance(architecture, neighbor) >= 1


@settings(max_examples=50)
@given_space
def test_neighbors_are_symmetric_and_all_that_differ_in_one_decision(space: Space[Any]) -> None:
    """Compared with all pairs of a small space."""
    assume(space.size <= 40)
    architectures = list(space.enumerate())
    near = {a: set(space.neighbors(a)) for a in architectures}
    for a in architectures:
        assert a not in near[a]
        for b in architectures:
            assert (b in near[a]) == (a in near[b])
            one, other = decisions_of(space, a), decisions_of(space, b)
            changed = [p for p in one.keys() & other.keys() if one[p] != other[p]]
            if b in near[a]:
                assert len(changed) == 1


@settings(max_examples=50)
@given_space
def test_every_architecture_has_its_rank(space: Space[Any]) -> None:
    """So that a uniform rank is a uniform architecture."""
    assume(space.size <= MANY)
    assert {space.decisions.unrank(rank) for rank in range(int(space.size))} == set(
        space.enumerate()
    )


@given_space_and_seed
def test_a_mutant_differs_in_one_decision(drawn: tuple[Space[Any], int]) -> None:
    space, seed = drawn
    assume(space.size > 1)
    (architecture,) = draw(space, seed)
    assume(space.to_config(architecture))
    mutant = space.mutate(architecture, np.random.default_rng(seed))
    space.check(mutant)
    assert mutant != architecture
    taken, other = decisions_of(space, architecture), decisions_of(space, mutant)
    assert sum(other[path] != taken[path] for path in taken.keys() & other.keys()) == 1


@given_space_and_seed
def test_the_decisions_kept_of_a_mutant_are_those_found_in_it(
    drawn: tuple[Space[Any], int],
) -> None:
    space, seed = drawn
    assume(space.size > 1)
    (architecture,) = draw(space, seed)
    assume(space.to_config(architecture))
    mutant = space.mutate(architecture, np.random.default_rng(seed))
    assert space.decisions.recent(mutant) == list(space.decisions.trace(mutant))


@given_space_and_seed
def test_a_child_takes_each_decision_from_a_parent(drawn: tuple[Space[Any], int]) -> None:
    space, seed = drawn
    mother, father = draw(space, seed, 2)
    child = space.crossover(mother, father, np.random.default_rng(seed))
    space.check(child)
    parents = [decisions_of(space, mother), decisions_of(space, father)]
    for path, option in decisions_of(space, child).items():
        assert option in [parent[path] for parent in parents if path in parent]


@given_space
def test_encodings_are_injective_and_index_the_options(space: Space[Any]) -> None:
    architectures = list(islice(space.enumerate(), MANY))
    vectors = [space.encode(architecture) for architecture in architectures]
    assert len({tuple(vector) for vector in vectors}) == len(architectures)
    for architecture, vector in zip(architectures, vectors, strict=True):
        assert vector.shape == (len(space.columns),)
        active = [column.path for column, i in zip(space.columns, vector, strict=True) if i >= 0]
        assert set(active) == space.to_config(architecture).keys()


@given_space
def test_one_hot_encodings_mark_one_option_of_each_active_column(space: Space[Any]) -> None:
    architectures = list(islice(space.enumerate(), MANY))
    vectors = [space.one_hot(architecture) for architecture in architectures]
    assert len({tuple(vector) for vector in vectors}) == len(architectures)
    assert len({vector.shape for vector in vectors}) == 1


@given_space
def test_keys_and_distances_tell_architectures_apart(space: Space[Any]) -> None:
    architectures = list(islice(space.enumerate(), 20))
    assert len({space.key(architecture) for architecture in architectures}) == len(architectures)
    for first in architectures:
        for second in architectures:
            assert (space.distance(first, second) == 0) == (first == second)
            assert space.distance(first, second) == space.distance(second, first)


@given_space
def test_decisions_are_named_once_and_really_open(space: Space[Any]) -> None:
    paths = [column.path for column in space.columns]
    assert len(set(paths)) == len(paths)
    assert len(space.describe()) <= len(paths) or not paths


def test_sizes_of_the_toy_spaces() -> None:
    assert Space(ToyNet).size == 4 * (9 + 9**2 + 9**3 + 9**4)
    assert Space(TinyNet).size == 6
    assert Space(LoneNet).size == 1


def test_the_size_of_a_huge_space_is_exact() -> None:
    @searchable
    class Huge:
        bits: tuple[int, ...] = repeat(choice(0, 1), 200)

    assert Space(Huge).size == 2**200
    assert next(Space(Huge).enumerate()) == Huge((0,) * 200)


def test_samples_are_uniform_over_each_decision() -> None:
    nets = draw(Space(ToyNet), 0, 2000)
    for width in (8, 16, 24, 32):
        assert 430 < sum(net.width == width for net in nets) < 570
    for length in (1, 2, 3, 4):
        assert 430 < sum(len(net.blocks) == length for net in nets) < 570
    first = [type(net.blocks[0]) for net in nets]
    for block in (Conv, Pool, Skip):
        assert 590 < first.count(block) < 745


def test_mutation_picks_decisions_and_options_uniformly() -> None:
    rng = np.random.default_rng(0)
    space = Space(TinyNet)
    mutants = [space.mutate(TinyNet(1, "conv"), rng) for _ in range(1000)]
    assert 450 < mutants.count(TinyNet(2, "conv")) < 550
    assert 200 < mutants.count(TinyNet(1, "pool")) < 300
    assert set(mutants) == set(space.neighbors(TinyNet(1, "conv")))


def test_mutation_samples_what_it_makes_active() -> None:
    rng = np.random.default_rng(0)
    mutants = [Space(ToyNet).mutate(ToyNet(8, (Skip(),)), rng) for _ in range(500)]
    convs = {net.blocks[0] for net in mutants if isinstance(net.blocks[0], Conv)}
    assert convs == set(Space(Conv).enumerate())


def test_neighbors_fill_what_becomes_active_in_every_way() -> None:
    blocks = [(block,) for block in Space(Block).enumerate()]
    neighbors = set(Space(Row).neighbors(Row((Block(Skip()),))))
    assert neighbors == {
        *(Row(block) for block in blocks if block[0] != Block(Skip())),
        *(Row((Block(Skip()), *block)) for block in blocks),
    }


@searchable
class Block:
    kind: Conv | Skip = choice(Conv, Skip)


@searchable
class Row:
    blocks: tuple[Block, ...] = repeat(Block, 1, 2)


def test_crossover_is_a_fair_coin() -> None:
    rng = np.random.default_rng(0)
    mother, father = TinyNet(1, "conv"), TinyNet(2, "pool")
    children = [Space(TinyNet).crossover(mother, father, rng) for _ in range(1000)]
    for child in (mother, father, TinyNet(1, "pool"), TinyNet(2, "conv")):
        assert 200 < children.count(child) < 300


def test_config_names_the_active_decisions_by_path() -> None:
    assert Space(ToyNet).to_config(NET) == {
        "width": 16,
        "blocks.length": 2,
        "blocks[0]": "Conv",
        "blocks[0].Conv.kernel": 3,
        "blocks[0].Conv.activation": "relu",
        "blocks[1]": "Skip",
    }


def test_json_is_nested() -> None:
    assert json.loads(Space(ToyNet).to_json(NET)) == {
        "class": "ToyNet",
        "width": 16,
        "blocks": [{"class": "Conv", "kernel": 3, "activation": "relu"}, {"class": "Skip"}],
    }


def test_inactive_decisions_encode_as_minus_one() -> None:
    space = Space(ToyNet)
    vector = dict(zip((c.path for c in space.columns), space.encode(NET), strict=True))
    assert vector["width"] == 1
    assert vector["blocks[1]"] == 2
    assert vector["blocks[1].Conv.kernel"] == -1
    assert vector["blocks[3]"] == -1


def test_a_space_of_one_has_nothing_to_mutate() -> None:
    with pytest.raises(SpaceError, match="LoneNet has a single architecture: nothing to mutate"):
        Space(LoneNet).mutate(LoneNet(3), np.random.default_rng(0))
    assert list(Space(LoneNet).neighbors(LoneNet(3))) == []


def test_a_space_prints_its_class() -> None:
    assert repr(Space(ToyNet)) == "Space(ToyNet)"


@searchable
class Fixed:
    width: int = integer(1, 3)
    flag: object = choice(True, 0, None)
    classes: int = 10


@pytest.mark.parametrize(
    ("space", "value", "message"),
    [
        (Space(ToyNet), "net", "architecture = 'net' is not in the space: use an instance of ToyN"),
        (Space(ToyNet), TinyNet(1, "conv"), "use an instance of ToyNet"),
        (Space(ToyNet), ToyNet(12, NET.blocks), r"width = 12 is not .*use integer\(8, 32, step=8"),
        (Space(ToyNet), ToyNet(True, NET.blocks), "width = True is not in the space"),
        (Space(ToyNet), ToyNet(8, ()), r"blocks = \(\) is not in.* a tuple of 1 to 4 elements"),
        (Space(ToyNet), ToyNet(8, [Skip()]), r"blocks = \[Skip\(\)\] is not"),  # type: ignore[arg-type]
        (Space(ToyNet), ToyNet(8, (None,)), r"blocks\[0\] = None .*use choice\(Conv, Pool, Skip\)"),  # type: ignore[arg-type]
        (
            Space(ToyNet),
            ToyNet(8, (Skip(), Conv(7, "relu"))),
            r"blocks\[1\]\.Conv\.kernel = 7 is not in the space: use choice\(1, 3, 5\)",
        ),
        (Space(Fixed), Fixed(1, 1), r"flag = 1 is not in the space: use choice\(True, 0, None\)"),
        (Space(Fixed), Fixed(1, False), "flag = False is not in the space"),
        (Space(Fixed), Fixed(1, 0, classes=100), "classes = 100 is not in the space: use 10"),
    ],
)
def test_check_names_what_lies_outside(space: Space[Any], value: Any, message: str) -> None:
    assert not space.contains(value)
    for operation in (space.check, space.to_config, space.to_json, space.encode):
        with pytest.raises(SpaceError, match=message):
            operation(value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"depth": 1}, "config has no 'operation': give one of 'conv', 'pool', 'skip'"),
        ({"operation": "conv"}, r"config has no 'depth': give one of range\(1, 3\)"),
        ({"depth": 1, "operation": "add"}, r"config\['operation'\] = 'add': give one of 'conv'"),
        ({"depth": 3, "operation": "conv"}, r"config\['depth'\] = 3: give one of range\(1, 3\)"),
        ({"depth": True, "operation": "conv"}, r"config\['depth'\] = True"),
        (
            {"depth": 1, "operation": "conv", "width": 3},
            r"config has 'width', which is no active decision of Space\(TinyNet\): remove it",
        ),
    ],
)
def test_from_config_refuses(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        Space(TinyNet).from_config(config)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"not JSON \(.*\): pass what to_json returned"),
        ("3", "architecture = 3 is not in the space: use an object with the keys class, width, b"),
        ('{"class": "ToyNet", "width": 8}', "use an object with the keys class, width, blocks"),
        ('{"class": "Other", "width": 8, "blocks": []}', "class = 'Other' is not in .*'ToyNet'"),
        ('{"class": "ToyNet", "width": 9, "blocks": []}', r"width = 9 .*integer\(8, 32, step=8\)"),
        ('{"class": "ToyNet", "width": 8, "blocks": []}', "a list of 1 to 4 elements"),
        ('{"class": "ToyNet", "width": 8, "blocks": "abc"}', "a list of 1 to 4 elements"),
        ('{"class": "ToyNet", "width": 8, "blocks": ["Conv"]}', r"blocks\[0\] = 'Conv' is not"),
        ('{"class": "ToyNet", "width": 8, "blocks": [{"class": []}]}', r"use choice\(Conv, Pool,"),
        (
            '{"class": "ToyNet", "width": 8, "blocks": [{"class": "Pool", "kind": "min"}]}',
            r"blocks\[0\]\.Pool\.kind = 'min' is not in the space: use choice\('max', 'mean'\)",
        ),
    ],
)
def test_from_json_refuses(text: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        Space(ToyNet).from_json(text)
