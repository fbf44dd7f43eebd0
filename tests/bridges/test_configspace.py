from __future__ import annotations

from itertools import islice
from typing import Any

import ConfigSpace as cs  # noqa: N813 - as its own documentation does
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raynas.bridges.configspace import (
    from_configspace,
    from_configuration,
    to_configspace,
    to_configuration,
)
from raynas.errors import SpaceError
from raynas.space import Space, choice, integer, real, repeat, searchable, shared
from raynas.testing import LoneNet, TinyNet, ToyNet
from raynas.testing.generated import spaces, spaces_and_seeds
from raynas.testing.spaces import Conv, Skip


@settings(max_examples=50)
@given(spaces_and_seeds())
def test_architectures_round_trip(drawn: tuple[Space[Any], int]) -> None:
    space, seed = drawn
    target = to_configspace(space)
    rng = np.random.default_rng(seed)
    for architecture in [space.sample(rng) for _ in range(3)]:
        configuration = to_configuration(space, target, architecture)
        assert from_configuration(space, configuration) == architecture


@settings(max_examples=50)
@given(spaces_and_seeds())
def test_configurations_that_configspace_draws_round_trip(drawn: tuple[Space[Any], int]) -> None:
    space, seed = drawn
    target = to_configspace(space)
    target.seed(seed)
    if not len(target):
        return
    for configuration in target.sample_configuration(size=5):
        architecture = from_configuration(space, configuration)
        space.check(architecture)
        again = to_configuration(space, target, architecture)
        assert np.array_equal(again.get_array(), configuration.get_array(), equal_nan=True)


@settings(max_examples=50)
@given(spaces())
def test_different_architectures_are_different_configurations(space: Space[Any]) -> None:
    """With the two round trips above, the sizes agree. ConfigSpace only estimates its own."""
    architectures = list(islice(space.enumerate(), 60))
    target = to_configspace(space)
    vectors = {to_configuration(space, target, a).get_array().tobytes() for a in architectures}
    assert len(vectors) == len(architectures)


def test_conditions_say_what_is_active() -> None:
    target = to_configspace(Space(ToyNet))
    assert str(target.parent_conditions_of["blocks[1]"][0]) == (
        "blocks[1] | blocks.length in {2, 3, 4}"
    )
    assert str(target.parent_conditions_of["blocks[0].Conv.kernel"][0]) == (
        "blocks[0].Conv.kernel | blocks[0] == 'Conv'"
    )
    assert not target.parent_conditions_of["blocks[0]"]


@searchable
class Deep:
    depth: int = shared("depth", integer(1, 3))


@searchable
class Wide:
    depth: int = shared("depth", integer(1, 3))
    width: int = integer(1, 2)


@searchable
class Either:
    first: Deep | Wide | Skip = choice(Deep, Wide, Skip)
    rest: tuple[Deep, ...] = repeat(Deep, 0, 1)


def test_a_shared_choice_is_active_where_one_of_its_places_is() -> None:
    target = to_configspace(Space(Either))
    (condition,) = target.parent_conditions_of["@depth"]
    assert isinstance(condition, cs.OrConjunction)
    assert str(condition) == "(@depth | first in {'Deep', 'Wide'} || @depth | rest.length == 1)"
    found = {from_configuration(Space(Either), c) for c in target.sample_configuration(500)}
    assert found == set(Space(Either).enumerate())
    assert Space(Either).size == len(found)


@searchable
class Numbers:
    whole: int = integer(-3, 7)
    stepped: int = integer(8, 64, step=8)
    part: float = real(0.1, 0.7, step=0.3)
    rate: float = real(1e-12, 1e-3, log=True)


@pytest.mark.parametrize("numbers", [Numbers(-3, 8, 0.1, 1e-12), Numbers(7, 64, 0.7, 1e-3)])
def test_both_bounds_are_included(numbers: Numbers) -> None:
    space = Space(Numbers)
    target = to_configspace(space)
    assert (target["whole"].lower, target["whole"].upper) == (-3, 7)
    back = from_configuration(space, to_configuration(space, target, numbers))
    assert back == Numbers(
        numbers.whole, numbers.stepped, numbers.part, pytest.approx(numbers.rate)
    )
    space.check(back)


def example() -> cs.ConfigurationSpace:
    """With all that can be carried."""
    space = cs.ConfigurationSpace(seed=0)
    kind = cs.CategoricalHyperparameter("kind", ["svm", "mlp", "tree"])
    rate = cs.UniformFloatHyperparameter("learning-rate", 1e-4, 1e-1, log=True)
    layers = cs.UniformIntegerHyperparameter("layers", 1, 3)
    second = cs.UniformIntegerHyperparameter("units 2", 1, 4)
    degree = cs.OrdinalHyperparameter("degree", ["low", "middle", "high"])
    flag = cs.CategoricalHyperparameter("flag", [True, False])
    space.add([kind, rate, layers, second, degree, flag, cs.Constant("epochs", 10)])
    space.add(
        [
            cs.InCondition(rate, kind, ["svm", "mlp"]),
            cs.EqualsCondition(layers, kind, "mlp"),
            cs.GreaterThanCondition(second, layers, 1),
            cs.NotEqualsCondition(degree, kind, "mlp"),
        ]
    )
    return space


@settings(max_examples=50)
@given(st.integers(0, 1000))
def test_configurations_of_a_space_made_elsewhere_round_trip(seed: int) -> None:
    source = example()
    source.seed(seed)
    space = from_configspace(source)
    configuration = source.sample_configuration()
    architecture = from_configuration(space, configuration)
    space.check(architecture)
    again = to_configuration(space, source, architecture)
    assert dict(again) == dict(configuration)
    assert from_configuration(space, again) == architecture


@settings(max_examples=50)
@given(spaces())
def test_a_flat_space_there_and_back_keeps_its_size(space: Space[Any]) -> None:
    target = to_configspace(space)
    if target.conditions or not all(isinstance(c.values, tuple | range) for c in space.columns):
        return
    back = from_configspace(target)
    assert back.size == space.size


def test_conditional_hyperparameters_become_fields_of_options() -> None:
    source = example()
    assert [column.path for column in from_configspace(source).columns] == [
        "flag",
        "kind",
        "kind.svm.degree",
        "kind.svm.learning_rate",
        "kind.mlp.layers",
        "kind.mlp.layers.2.units_2",
        "kind.mlp.layers.3.units_2",
        "kind.mlp.learning_rate",
        "kind.tree.degree",
    ]


def test_a_space_of_one_is_an_empty_configuration() -> None:
    space = Space(LoneNet)
    target = to_configspace(space)
    assert len(target) == 0
    configuration = to_configuration(space, target, LoneNet(3))
    assert from_configuration(space, configuration) == LoneNet(3)


def refused() -> list[Any]:
    a = cs.CategoricalHyperparameter("a", ["x", "y"])
    b = cs.CategoricalHyperparameter("b", ["x", "y"])
    c = cs.UniformIntegerHyperparameter("c", 1, 4)
    f = cs.UniformFloatHyperparameter("f", 0.0, 1.0)

    def space(*parts: Any, of: Any = (a, b, c, f)) -> cs.ConfigurationSpace:
        made = cs.ConfigurationSpace()
        made.add(list(of))
        made.add(list(parts))
        return made

    both = (cs.EqualsCondition(c, a, "x"), cs.EqualsCondition(c, b, "x"))
    return [
        (space(cs.ForbiddenEqualsClause(a, "y")), "the clause Forbidden: a == 'y' cannot be car"),
        (space(cs.AndConjunction(*both)), r"the condition \(c \| a == 'x' && .*several hyperp"),
        (space(cs.OrConjunction(*both)), r"the condition \(c \| a == 'x' \|\| .*or is a conju"),
        (space(cs.LessThanCondition(c, f, 0.5)), "'c', conditional on 'f' = .*a few values"),
        (
            space(of=[cs.NormalFloatHyperparameter("n", 0, 1, -1, 1)]),
            "hyperparameter 'n' = .*make it uniform",
        ),
        (
            space(of=[cs.CategoricalHyperparameter("n", ["x", "y"], weights=[1, 2])]),
            "hyperparameter 'n' = .*without weights",
        ),
        (
            space(of=[cs.CategoricalHyperparameter("n", ["1", 1.0, (1,), "(1,)"])]),
            r"hyperparameter 'n': .*option '\(1,\)' twice",
        ),
    ]


@pytest.mark.parametrize(("source", "message"), refused())
def test_what_cannot_be_carried_is_refused_by_name(source: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        from_configspace(source)


@searchable
class Even:
    width: int = integer(1, 2)

    def is_feasible(self) -> bool:
        return self.width == 2


@searchable
class Fine:
    steps: float = real(0, 1, step=1e-6)


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (Even, r"Even.is_feasible of Space\(Even\) cannot be carried: ConfigSpace knows no const"),
        (Fine, "steps of 1,000,001 values cannot be carried: ConfigSpace would have to list them"),
    ],
)
def test_spaces_that_configspace_cannot_say_are_refused(root: type[Any], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        to_configspace(Space(root))


def test_a_configuration_of_another_space_is_refused() -> None:
    tiny, toy = Space(TinyNet), Space(ToyNet)
    with pytest.raises(SpaceError, match=r"no hyperparameter for 'depth' of Space\(TinyNet\)"):
        to_configuration(tiny, to_configspace(toy), TinyNet(1, "conv"))
    narrow = tiny.around(TinyNet(1, "conv"), TinyNet(1, "skip"))
    with pytest.raises(SpaceError, match=r"no hyperparameter for 'operation' of .*'conv', 'skip'"):
        to_configuration(narrow, to_configspace(tiny), TinyNet(1, "conv"))
    assert Conv(1, "relu")
