"""The words a space is declared with, and what they refuse."""

from __future__ import annotations

import dataclasses
import functools
import pickle
from typing import Any

import pytest

from raynas.errors import ConfigurationError, SpaceError
from raynas.space import Space, choice, integer, repeat, searchable
from raynas.space.declare import record_of


@searchable
class Conv:
    kernel: int = choice(3, 5)
    activation: str = choice("relu", "silu")


@searchable
class Net:
    width: int = integer(8, 64, step=8)
    blocks: tuple[Conv, ...] = repeat(Conv, 1, 2)
    classes: int = 10

    def build(self) -> str:
        return f"a network of {len(self.blocks)} blocks"


def test_an_architecture_prints_as_it_is_written() -> None:
    written = "Net(width=16, blocks=(Conv(kernel=3, activation='relu'),), classes=10)"
    assert repr(Net(width=16, blocks=(Conv(3, "relu"),))) == written


def test_architectures_compare_and_hash_by_value() -> None:
    nets = {Net(16, (Conv(3, "relu"),)), Net(16, (Conv(3, "relu"),)), Net(16, (Conv(5, "relu"),))}
    assert len(nets) == 2


def test_an_architecture_is_frozen() -> None:
    net = Net(16, (Conv(3, "relu"),))
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'width'"):
        net.width = 8  # type: ignore[misc]


def test_an_architecture_survives_pickling() -> None:
    net = Net(16, (Conv(3, "relu"),))
    assert pickle.loads(pickle.dumps(net)) == net


def test_methods_stay() -> None:
    assert Net(8, (Conv(3, "relu"),) * 2).build() == "a network of 2 blocks"


def test_searched_fields_have_no_default() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'blocks'"):
        Net(8)  # type: ignore[call-arg]


def test_a_constant_is_in_every_architecture_and_no_decision() -> None:
    space = Space(Net)
    assert {net.classes for net in space.enumerate()} == {10}
    assert "classes" not in space.describe()


def test_domains_are_inherited() -> None:
    @searchable
    class Wide(Net):
        dropout: float = dataclasses.field(default=0.0)

    assert Space(Wide).size == Space(Net).size
    assert [c.path for c in Space(Wide).columns] == [c.path for c in Space(Net).columns]


def test_a_domain_can_be_overridden_by_another() -> None:
    @searchable
    class Narrow(Net):
        width: int = integer(8, 16, step=8)

    assert {net.width for net in Space(Narrow).enumerate()} == {8, 16}
    assert Space(Narrow).columns[0].path == "width"
    assert Space(Net).size == 8 * (4 + 16)


def test_a_domain_can_be_overridden_by_a_constant() -> None:
    @searchable
    class Relu(Conv):
        activation: str = "relu"

    assert set(Space(Relu).enumerate()) == {Relu(3), Relu(5)}


def test_a_constant_can_be_overridden_by_a_domain() -> None:
    @searchable
    class Data(Net):
        classes: int = choice(10, 100)

    assert Space(Data).size == 2 * Space(Net).size


def test_several_bases_add_their_domains() -> None:
    @searchable
    class Depth:
        depth: int = integer(1, 3)

    @searchable
    class Both(Conv, Depth):
        pass

    assert Space(Both).size == 2 * 2 * 3
    assert Both(depth=1, kernel=3, activation="relu") in set(Space(Both).enumerate())


def test_an_undecorated_subclass_is_no_space() -> None:
    class Plain(Net):
        pass

    with pytest.raises(SpaceError, match="Plain is not a search space: decorate its class with @s"):
        Space(Plain)


@pytest.mark.parametrize("root", [3, "Net", Net(8, (Conv(3, "relu"),)), int])
def test_what_is_no_searchable_class_is_no_space(root: Any) -> None:
    with pytest.raises(SpaceError, match="is not a search space: decorate its class"):
        record_of(root)


def test_values_of_any_hashable_kind_can_be_chosen() -> None:
    @searchable
    class Any_:  # noqa: N801
        value: object = choice(None, True, 2, 0.5, "text", (1, 2), int, functools.reduce)

    assert list(Space(Any_).describe().values()) == [
        "None, True, 2, 0.5, 'text', '(1, 2)', 'int', 'reduce'"
    ]
    assert [a.value for a in Space(Any_).enumerate()] == [
        *(None, True, 2, 0.5, "text", (1, 2), int, functools.reduce)
    ]


def test_space_errors_are_configuration_errors() -> None:
    with pytest.raises(ConfigurationError, match="choice"):
        choice()


class Nameless:
    pass


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), r"choice\(\) has no options: give at least one, as in choice\(3, 5\)"),
        ((3, 5, 3), r"choice\(\) has the option 3 twice: options must differ"),
        ((True, 1), "the option 1 twice"),
        ((0, 0.0), "the option 0.0 twice"),
        (((1, 2), (1.0, 2.0)), r"the option '\(1.0, 2.0\)' twice"),
        ((Conv, Conv), "the option 'Conv' twice"),
        ((Conv, "Conv"), "the option 'Conv' twice"),
        ((float("nan"), 1), r"the option nan: it does not equal itself; use None"),
        (([1, 2], 3), r"the option \[1, 2\], which is not hashable: use a tuple for a list"),
        ((Nameless(),), "which has no name that stays the same from run to run"),
        ((lambda: 0,), "use a string, or a class or function with a name"),
        ((functools.partial(test_methods_stay),), "which has no name that stays the same"),
        ((integer(1, 2),), r"the option integer\(1, 2\): .*wrap it in a @searchable class"),
        ((choice(1, 2),), r"the option choice\(1, 2\): options are values or @searchable classes"),
        ((repeat(Conv, 1, 2),), r"the option repeat\(Conv, 1, 2\): options are values"),
    ],
)
def test_choice_refuses(options: tuple[Any, ...], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        choice(*options)


@pytest.mark.parametrize(
    ("low", "high", "step", "message"),
    [
        (1.0, 2, 1, r"integer\(low=1.0\): low must be a whole number"),
        (1, "2", 1, r"integer\(high='2'\): high must be a whole number"),
        (1, 2, True, r"integer\(step=True\): step must be a whole number"),
        (1, 2, 0, r"integer\(step=0\): step must be at least 1"),
        (3, 1, 1, r"integer\(3, 1\): low must not be above high; swap them"),
        (1, 8, 3, r"integer\(1, 8, step=3\) never reaches 8: use 7 or 10 as the upper bound"),
    ],
)
def test_integer_refuses(low: Any, high: Any, step: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        integer(low, high, step=step)


@pytest.mark.parametrize(
    ("element", "bounds", "message"),
    [
        (3, (1,), r"repeat\(element=3\): element must be a @searchable class, choice"),
        (Nameless, (1,), r"repeat\(element=.*Nameless.*\): element must be a @searchable class"),
        (Conv, (-1,), r"repeat\(minimum=-1\): minimum must be a whole number from 0 on"),
        (Conv, (1.5, 2), r"repeat\(minimum=1.5\): minimum must be a whole number"),
        (Conv, (1, True), r"repeat\(maximum=True\): maximum must be a whole number"),
        (Conv, (1, "2"), r"repeat\(maximum='2'\): maximum must be a whole number"),
        (Conv, (3, 2), r"repeat\(3, 2\): minimum must not be above maximum; swap them"),
    ],
)
def test_repeat_refuses(element: Any, bounds: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        repeat(element, *bounds)


def test_a_domain_without_annotation_is_refused() -> None:
    with pytest.raises(
        SpaceError, match=r"'width' of Wrong has no type annotation: write `width: <type> = int"
    ):

        @searchable
        class Wrong:
            width = integer(1, 2)


def test_a_field_without_domain_is_refused() -> None:
    with pytest.raises(
        SpaceError, match=r"'width' of Wrong has no domain: give it choice\(...\).*or a default"
    ):

        @searchable
        class Wrong:
            width: int


def test_a_searched_field_after_a_constant_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"Wrong: .*; declare searched fields before those with a"):

        @searchable
        class Wrong:
            classes: int = 10
            width: int = integer(1, 2)
