"""Declarations, right and wrong: what is declared is what is searched, or it is refused."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import math
import os
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from torch import nn

from raynas.asktell import AskTell
from raynas.errors import SpaceError
from raynas.space import (
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
from raynas.space.options import Interval

T = TypeVar("T")


def made(name: str = "Net", bases: tuple[type, ...] = (), **fields: Any) -> Any:
    """A searchable class with `fields`, each annotated as an object."""
    annotations = dict.fromkeys(fields, object)
    return searchable(type(name, bases, {"__annotations__": annotations, **fields}))


# Right ones: a space against the values that a reader of the declaration would write down.


@dataclass(frozen=True)
class Case:
    """A declaration, and its values in any order."""

    declaration: Any
    values: tuple[Any, ...]


@st.composite
def _integers(draw: Any) -> Case:
    low, step, count = draw(st.integers(-9, 9)), draw(st.integers(1, 4)), draw(st.integers(1, 4))
    kind = draw(st.sampled_from([int, np.int64, np.int8]))
    values = [low + step * i for i in range(count)]
    return Case(integer(kind(low), kind(values[-1]), step=kind(step)), tuple(values))


@st.composite
def _reals(draw: Any) -> Case:
    """The steps are written as decimals, and so are the values expected."""
    step = Decimal(draw(st.integers(1, 99))).scaleb(-draw(st.integers(0, 4)))
    low = Decimal(draw(st.integers(-999, 999))).scaleb(-draw(st.integers(0, 4)))
    values = [float(low + step * i) for i in range(draw(st.integers(2, 5)))]
    kind = draw(st.sampled_from([float, np.float64]))
    return Case(real(kind(low), kind(values[-1]), step=kind(step)), tuple(values))


_PLAIN = (None, False, 2, 0.5, "a", (1, 2), frozenset({"x", "y"}), int, math.sqrt, Decimal("0.1"))


@st.composite
def _choices(draw: Any) -> Case:
    values = draw(st.lists(st.sampled_from(_PLAIN), min_size=2, max_size=4, unique=True))
    return Case(choice(*values), tuple(values))


@st.composite
def _subsets(draw: Any) -> Case:
    options, k = "abcd"[: draw(st.integers(2, 4))], draw(st.integers(0, 2))
    distinct, ordered = draw(st.booleans()), draw(st.booleans())
    every: Any = {
        (True, True): itertools.permutations,
        (True, False): itertools.combinations,
        (False, True): lambda o, n: itertools.product(o, repeat=n),
        (False, False): itertools.combinations_with_replacement,
    }[distinct, ordered]
    declaration = subset(*options, k=np.int64(k), distinct=distinct, ordered=ordered)
    return Case(declaration, tuple(every(options, k)))


@st.composite
def _repeats(draw: Any, elements: st.SearchStrategy[Case]) -> Case:
    element, least = draw(elements), draw(st.integers(0, 1))
    most = least + draw(st.integers(0, 1))
    lengths = range(least, most + 1)
    values = [v for n in lengths for v in itertools.product(element.values, repeat=n)]
    return Case(repeat(element.declaration, np.int64(least), most), tuple(values))


@st.composite
def _classes(draw: Any, parts: st.SearchStrategy[Case]) -> Case:
    """A choice between a class of one or two fields and a plain value."""
    fields = draw(st.lists(parts, min_size=1, max_size=2))
    cls = made("Part", **{f"f{i}": field.declaration for i, field in enumerate(fields)})
    values = [cls(*v) for v in itertools.product(*(field.values for field in fields))]
    return Case(choice(cls, "none"), (*values, "none"))


_SIMPLE = _integers() | _reals() | _choices() | _subsets()
_CASES = _SIMPLE | _repeats(_SIMPLE) | _classes(_SIMPLE) | _repeats(_classes(_SIMPLE))


@settings(max_examples=80)
@given(st.lists(_CASES, min_size=1, max_size=2))
def test_a_space_holds_exactly_what_was_declared(cases: list[Case]) -> None:
    root = made(**{f"f{i}": case.declaration for i, case in enumerate(cases)}, constant=7)
    space = Space(root)
    total = math.prod(len(case.values) for case in cases)
    assert space.size == total
    expected = itertools.product(*(case.values for case in cases))
    written = [root(*values) for values in itertools.islice(expected, 200)]
    found = set(itertools.islice(space.enumerate(), 2000))
    assert len(found) == min(total, 2000)
    if total <= 2000:
        assert found.issuperset(written)
    for architecture in written:
        assert space.contains(architecture)
        assert space.from_config(space.to_config(architecture)) == architecture
        assert space.from_json(space.to_json(architecture)) == architecture
        assert Space(root, baseline=architecture).baseline == architecture
        assert space.around(architecture).size >= 1
    assert len({space.key(architecture) for architecture in written}) == len(written)


# One tolerance at every door.


def doors(space: Space[Any], value: float) -> Iterator[Callable[[], Any]]:
    """The ways a number gets into a space; each gives the architecture that it becomes."""
    root, path = space.root, "x"
    architecture = root(value)
    yield lambda: space.from_config(space.to_config(architecture))
    yield lambda: space.from_config({path: value})
    yield lambda: space.from_config(json.loads(space.key(architecture)))
    yield lambda: space.from_json(space.to_json(architecture))
    yield lambda: space.from_json(json.dumps({"class": "Net", "x": value}))
    yield lambda: Space(root, baseline=architecture).baseline
    yield lambda: space.around(architecture) and space.exact(architecture)


@given(_reals(), st.integers(0, 4), st.floats(-1e-10, 1e-10))
def test_rounding_errors_are_forgiven_at_every_door(case: Case, which: int, error: float) -> None:
    space = Space(made(x=case.declaration))
    exact = case.values[which % len(case.values)]
    step = abs(case.values[1] - case.values[0])
    for make in doors(space, exact + error * step):
        assert make() == space.root(exact)
    assert space.contains(space.root(exact + error * step))


@given(_reals(), st.integers(0, 4), st.floats(1e-6, 0.5), st.sampled_from([-1, 1]))
def test_other_numbers_are_refused_at_every_door(
    case: Case, which: int, share: float, sign: int
) -> None:
    space = Space(made(x=case.declaration))
    step = abs(case.values[1] - case.values[0])
    value = case.values[which % len(case.values)] + sign * share * step
    assert not space.contains(space.root(value))
    for make in doors(space, value):
        with pytest.raises(SpaceError, match="x"):
            make()


def test_a_default_and_numbers_of_numpy_go_through_the_same_doors() -> None:
    space = Space(made(x=real(0, 1, step=0.1, default=0.1 + 0.2)))
    assert space.baseline == space.root(0.3)
    for value in (np.float64(0.3), np.float32(0.3)):
        assert all(make() == space.root(0.3) for make in doors(space, value) if json_takes(value))
        assert space.contains(space.root(value))
    assert Space(made(x=integer(1, 3))).contains(made(x=integer(1, 3))(np.int64(2))) is False
    whole = Space(made(x=integer(1, 3)))
    assert whole.from_json(whole.to_json(whole.root(np.int64(2)))) == whole.root(2)
    assert not whole.contains(whole.root(2.0))
    assert not whole.contains(whole.root(np.bool_(True)))


def json_takes(value: Any) -> bool:
    return isinstance(value, float)


def test_a_warm_start_has_no_rounding_errors() -> None:
    from raynas.controllers import Random, WarmStart

    root = made(x=real(0, 1, step=0.1))
    start = WarmStart(Random(Space(root)), first=[root(0.1 + 0.2)])
    assert start.first == (root(0.3),)
    assert start.first[0].x == 0.3


EXTREMES = [
    (-1.7e308, 1.7e308, False),
    (0.0, 1.7e308, False),
    (-5e-324, 5e-324, False),
    (1e-300, 1.7e308, True),
    (5e-324, 1.0, True),
    (1e-3, 10.0, True),
]


@pytest.mark.parametrize(("low", "high", "log"), EXTREMES)
def test_extreme_reals_are_drawn_between_their_bounds(low: float, high: float, log: bool) -> None:
    interval = Interval(low, high, log=log)
    shares = np.linspace(0, 1, 101)
    numbers = [interval.unscaled(share) for share in shares]
    assert numbers == sorted(numbers)
    assert numbers[0] == pytest.approx(low)
    assert numbers[-1] == pytest.approx(high)
    if high > 1e-300:
        assert [interval.scaled(n) for n in numbers] == pytest.approx(list(shares), abs=1e-6)
        space = Space(made(x=real(low, high, log=log)))
        drawn = {space.sample(np.random.default_rng(seed)).x for seed in range(20)}
        assert len(drawn) == 20


def test_many_steps_are_not_listed_for_a_change() -> None:
    space = Space(made(x=real(0, 1e12, step=1.0)))
    assert space.mutate(space.root(3.0), np.random.default_rng(0)) != space.root(3.0)


# Wrong ones.

_DOMAINS: list[Callable[[], Any]] = [
    lambda: choice(1, 2),
    lambda: integer(1, 2),
    lambda: real(0, 1),
    lambda: subset(1, 2, k=1),
    lambda: repeat(choice(1, 2), 2),
    lambda: shared("s", choice(1, 2)),
    lambda: choice(1, 2, default=1),
]


@dataclass(frozen=True)
class Holder:
    content: Any


def default_of(domain: Any) -> Callable[..., Any]:
    def function(width: Any = domain) -> Any:
        return width

    return function


class Point(NamedTuple):
    x: Any
    y: Any


_WRAPPERS: list[Callable[[Any], Any]] = [
    lambda d: d,
    lambda d: (d, 1),
    lambda d: ((1, d),),
    lambda d: Holder(d),
    lambda d: Point(1, d),
    lambda d: functools.partial(dict, a=d),
    lambda d: functools.partial(dict, [d]),
    default_of,
    lambda d: staticmethod(default_of(d)),
]


def undecorated(**attributes: Any) -> type:
    return type(
        "Undecorated", (), {"__annotations__": dict.fromkeys(attributes, int), **attributes}
    )


def as_dataclass(content: Any) -> Any:
    return dataclass(frozen=True)(undecorated(k=content))


def as_named_tuple(content: Any) -> Any:
    class Named(NamedTuple):
        k: Any = content

    return Named


def annotated(annotation: Any, **values: Any) -> Any:
    return searchable(type("Net", (), {"__annotations__": {"k": annotation}, **values}))


_PLACES: dict[str, Callable[[Any], Any]] = {
    "option": lambda c: choice(c, "other") if not is_domain(c) else choice((c, 1), "other"),
    "option of a subset": lambda c: subset((c, 1), "other", k=1),
    "undecorated option": lambda c: choice(undecorated(k=c), "other"),
    "undecorated element": lambda c: repeat(undecorated(k=c), 1, 2),
    "undecorated and shared": lambda c: shared("x", undecorated(k=c)),
    "dataclass as option": lambda c: choice(as_dataclass(c), "other"),
    "instance of a dataclass": lambda c: choice(Holder(c), "other"),
    "named tuple as option": lambda c: choice(as_named_tuple(c), "other"),
    "base": lambda c: made(bases=(undecorated(k=c),), depth=integer(1, 3)),
    "base of a base": lambda c: made(bases=(type("Mid", (undecorated(k=c),), {}),)),
    "constant": lambda c: made(k=c if not is_domain(c) else (c,)),
    "field()": lambda c: made(k=dataclasses.field(default=c)),
    "class variable": lambda c: annotated(ClassVar[int], k=c if is_domain(c) else (c,)),
    "init variable": lambda c: annotated(dataclasses.InitVar[int], k=c),
    "no annotation": lambda c: searchable(type("Net", (), {"k": c})),
    "default of build": lambda c: searchable(type("Net", (), {"build": default_of(c)})),
}


def is_domain(value: Any) -> bool:
    from raynas.space.declaration import is_declaration

    return is_declaration(value)


@settings(max_examples=200)
@given(
    st.sampled_from(_DOMAINS), st.sampled_from(_WRAPPERS), st.sampled_from(list(_PLACES.values()))
)
def test_a_domain_where_nobody_looks_for_it_is_refused(
    make: Callable[[], Any], wrap: Callable[[Any], Any], place: Callable[[Any], Any]
) -> None:
    content = wrap(make())
    with pytest.raises(SpaceError, match=r"\w+"):
        place(content)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (choice(3, 5), r"in its annotation, choice\(3, 5\): write `k: <type> = choice\(3, 5\)`"),
        ("choice(3, 5)", r"in its annotation, choice\(3, 5\): write `k: <type> = choice\(3, 5\)`"),
        (typing.Annotated[int, choice(3, 5)], r"in its annotation, choice\(3, 5\)"),
        ("Annotated[int, nas.choice(3, 5)]", r"write `k: <type> = choice\(...\)`"),
    ],
)
def test_a_domain_as_an_annotation_is_refused(annotation: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        annotated(annotation, k=3)
    with pytest.raises(SpaceError, match=r"in its annotation|has no domain"):
        annotated(annotation)


class Undecorated:
    kernel: int = choice(3, 5, 7)


class Initialized:
    def __init__(self, kernel: int = choice(3, 5)) -> None:
        self.kernel = kernel


@searchable
class Leaf:
    value: int = integer(0, 1)


@searchable
class Other:
    value: int = integer(0, 1)


@searchable
class Block(Generic[T]):
    kernel: int = choice(3, 5)


class Derived(Leaf):
    depth: int = 3


class Kind(Enum):
    MEAN = 1
    MAX = 2


class Activation(Enum):
    RELU = nn.ReLU()
    PRELU = nn.PReLU()


class Operation:
    """Compares by identity, and has attributes."""

    def __init__(self, width: int) -> None:
        self.width = width

    def __repr__(self) -> str:
        return f"Operation({self.width})"


WRONG: list[tuple[Callable[[], Any], str]] = [
    # Classes without the decorator.
    (
        lambda: choice(Undecorated, Leaf),
        r"option Undecorated, which has choice\(3, 5, 7\) inside but is not searchable.*put @se",
    ),
    (lambda: choice(Initialized, Leaf), r"Initialized, which has choice\(3, 5\) inside"),
    (lambda: repeat(Undecorated, 1, 2), r"repeat\(\) has the option Undecorated"),
    (lambda: choice(default_of(choice(1, 2)), 1), "give a @searchable class that has it"),
    (
        lambda: made("Child", (Undecorated,), depth=integer(1, 3)),
        r"Undecorated, a base of Child, declares kernel = choice\(3, 5, 7\) but is not s.* put",
    ),
    (
        lambda: made("Child", (Derived,)) if hasattr(Derived, "x") else made("C", (MidLeaf,)),
        "MidLeaf, a base of C, replaces the field 'value' but is not searchable: put @searchable",
    ),
    (lambda: choice(Derived, Leaf), "Derived is not a search space: decorate its class"),
    # Bodies.
    (
        lambda: made(k=dataclasses.field(default=choice(3, 5))),
        r"inside of field\(\): write `k: <type> = choice\(3, 5\)`, without field\(\)",
    ),
    (lambda: made(k=dataclasses.field(default_factory=list)), "default_factory, which is no d"),
    (lambda: made(k=dataclasses.field(default=3, init=False)), "init=False: .*make it a property"),
    (lambda: made(k=[3, 5]), "mutable default <class 'list'> for field k is not allowed; use a t"),
    (lambda: made(k=(choice(3, 5), 1)), r"'k' of Net is a constant with choice\(3, 5\) inside"),
    (lambda: made(k=choice), r"'k' of Net is the function choice itself: call it, as in choice\("),
    (lambda: made(k=Leaf), r"is the class Leaf itself, .* write `k: <type> = choice\(Leaf\)`"),
    (lambda: made(k=Space(Leaf)), r"is the class Leaf itself, .* = choice\(Leaf\)`"),
    (lambda: made(k=((Leaf,), 1)), r"is the class Leaf itself, .* = choice\(Leaf\)`"),
    (lambda: searchable(dataclass(undecorated(k=choice(1, 2)))), "or the @dataclass that made it"),
    (
        lambda: list(Space(annotated(int, k=choice(1, 2), __post_init__=set_to_one)).enumerate()),
        r"Net\.__post_init__ changed k from 2 to 1: compute what depends on fields in a property",
    ),
    (lambda: made(k=(Leaf, Other)), r"write `k: <type> = choice\(Leaf, Other\)`"),
    (lambda: made(is_feasible=choice(True, False)), "has the name of a method with a meaning"),
    (lambda: made(canonical=choice(1, 2)), "has the name of a method with a meaning"),
    (lambda: made(k=choice(1, 2), __init__=lambda self: None), "Net has an __init__ of its own"),
    *(
        (lambda base=base: made("Net", (base,), k=choice(1, 2)), f"Net inherits from {name}, whose")
        for base, name in (
            (nn.Module, "Module"),
            (BaseModel, "BaseModel"),
            (NamedTuple("Pair", [("a", int)]), "tuple"),
            (dict, "dict"),
        )
    ),
    (lambda: annotated(ClassVar[int], k=choice(1, 2)), "is annotated as ClassVar or InitVar"),
    (
        lambda: searchable(type("Net", (Leaf,), {"value": 3})),
        "Net.value replaces a field of Leaf without a type annotation: write `value: <type> = ...`",
    ),
    (lambda: searchable(type("Net", (), {"k": (choice(1, 2),)})), r"Net\.k has choice\(1, 2\) ins"),
    (lambda: searchable(len), r"searchable\(<built-in function len>\): decorate a class"),
    (lambda: Space(reassigned()), r"Net\.k = choice\(1, 2\) was assigned after @searchable"),
    # Typing constructs.
    (lambda: choice(Block[int], Leaf), r"Block\[int\], a typing alias: write choice\(Block, ...\)"),
    (lambda: choice(Leaf | Other), r"a typing alias: write choice\(Leaf, Other\)"),
    (lambda: choice(typing.Optional[Leaf]), r"a typing alias: write choice\(Leaf, None\)"),  # noqa: UP045
    (lambda: choice(typing.Literal[3, 5]), r"Literal\[3, 5\], a typing alias: write choice\(3, 5"),
    (lambda: choice(typing.Annotated[Leaf, 1]), r"a typing alias: write choice\(Leaf, ...\)"),
    (lambda: choice(T, 1), "a typing alias: give values or @searchable classes"),
    (lambda: repeat(Leaf | Other, 1, 2), r"write repeat\(choice\(Leaf, Other\)\)"),
    (lambda: Space(Block[int]), r"Block\[int\] is a typing alias: use the @searchable class"),
    (lambda: choice(Space(Leaf), 1), r"option Space\(Leaf\): give the class, choice\(Leaf, ...\)"),
    # A single option that holds several.
    (lambda: choice((3, 5, 7)), r"single option, \(3, 5, 7\): .* write choice\(3, 5, 7\);"),
    (lambda: choice([3, 5, 7]), r"single option, \[3, 5, 7\]: .* write choice\(3, 5, 7\);"),
    (lambda: choice(range(3, 8)), r"write choice\(\*range\(3, 8\)\) or integer\(...\);"),
    (lambda: choice({3, 5}), r"write choice\(\*options\);"),
    (lambda: choice({"a": 1}), r"write choice\(\*options.values\(\)\);"),
    (lambda: choice(x for x in (1, 2)), r"single option, <generator .* write choice\(\*options\);"),
    (lambda: choice(np.arange(3)), r"write choice\(\*options\);"),
    (lambda: choice(Kind), r"single option, Kind: .* write choice\(\*Kind\);"),
    (lambda: subset(range(3), k=1), r"subset\(\) has a single option.* write subset\(\*range\(0"),
    (lambda: choice(iter([1]), 2), "which can be read only once: write"),
    # State.
    (
        lambda: choice(nn.PReLU(), nn.Identity()),
        r"all trials of a worker would share the one PReLU object .* choice\(PReLU, ...\), or a f",
    ),
    (lambda: choice(nn.Sequential()), "share the one Sequential object"),
    (lambda: choice((nn.PReLU(), 1), 2), "share the one PReLU object"),
    (lambda: choice(functools.partial(nn.Sequential, nn.ReLU()), 2), "share the one ReLU object"),
    (lambda: choice(nn.ReLU().forward, 2), "share the one ReLU object"),
    (lambda: choice(*Activation), "share the one ReLU object"),
    (lambda: choice(default_of(nn.PReLU()), 1), "share the one PReLU object"),
    (lambda: made(k=choice(1, 2), build=default_of(nn.PReLU())), "holds a PReLU object"),
    (lambda: choice(torch.zeros(2), 1), "share the one Tensor object"),
    (lambda: choice(Operation(1), 1), r"option Operation\(1\): .* share the one Operation object"),
    (lambda: made(k=nn.ReLU()), r"'k' of Net holds a ReLU object, whose weights all trials .* bu"),
    (lambda: made(k=choice(1, 2), layer=(nn.ReLU(),)), "'layer' of Net holds a ReLU object"),
    # Numbers, names and options.
    (lambda: real(0, 1, step="0.1"), r"real\(step='0.1'\): step must be a finite number"),  # type: ignore[arg-type]
    (lambda: real(0, 10**400), "high must be a finite number"),
    (lambda: real(-1e308, 1e308, step=1e-3), "step must be above 0 and meet"),
    (lambda: integer(1, np.bool_(True)), "high must be a whole number"),  # type: ignore[arg-type]
    (lambda: subset(1, 2, k=True), r"subset\(k=True\) of 2 options: k must be a whole number"),
    (lambda: shared("a.b", choice(1, 2)), r"shared\('a\.b'\): the name must not have '\.'"),
    (lambda: shared("a[0]", choice(1, 2)), r"must not have '\.', '\[' or '\]'.*; use '_'"),
    (lambda: choice(Leaf, Leaf(0)), r"option Leaf\(value=0\), which is also one of the instances"),
    (lambda: recurse(0), r"recurse\(depth=0\): depth must be a whole number from 1 on"),
]  # fmt: skip


class MidLeaf(Leaf):
    value: int = 3  # type: ignore[misc]


def set_to_one(net: Any) -> None:
    object.__setattr__(net, "k", 1)


def reassigned() -> Any:
    cls = made(x=choice(1, 2))
    cls.k = choice(1, 2)
    return cls


@pytest.mark.parametrize("which", range(len(WRONG)))
def test_what_would_not_be_searched_is_refused_with_the_right_spelling(which: int) -> None:
    declare, message = WRONG[which]
    with pytest.raises(SpaceError, match=message):
        declare()


def test_what_is_left_is_what_it_looks_like() -> None:
    """Plain classes, functions, partials, tuples and frozen values stay options."""
    options = (nn.ReLU, torch.relu, functools.partial(nn.Conv2d, bias=False), (1, 2), Kind.MAX)
    space = Space(made(k=choice(*options)))
    assert [net.k for net in space.enumerate()] == list(options)
    space = Space(made(k=choice(np.int64(3), np.float32(0.1), np.str_("a"), np.bool_(False))))
    assert list(space.describe().values()) == ["3, 0.1, 'a', False"]
    assert [type(net.k) for net in space.enumerate()] == [int, float, str, bool]
    assert space.contains(space.root(np.bool_(False)))
    assert space.contains(space.root(np.int64(3)))


def test_a_constant_of_a_base_is_not_searched_further_down() -> None:
    fixed = made("Fixed", (Leaf,), value=1)
    below = searchable(type("Below", (fixed,), {}))
    assert Space(below).size == 1
    assert below() == next(Space(below).enumerate())


def test_a_constant_that_is_not_a_number_is_in_its_space() -> None:
    space = Space(made(k=choice(1, 2), missing=math.nan))
    assert space.contains(space.root(1, float("nan")))


def test_shared_choices_with_their_own_names_are_all_proposed() -> None:
    inner = made("Inner", b=choice(1, 2))
    outer = made("Outer", x=shared("a", inner), y=shared("a_b", choice(10, 20, 30)))
    found = set()
    with AskTell(outer, "random", seed=0) as search:
        while (proposal := search.ask()) is not None:
            search.tell(proposal.number, 1.0)
            found.add(proposal.architecture)
    assert len(found) == Space(outer).size == 6


_NAMES = """
from dataclasses import dataclass
from raynas.space import Space, choice, searchable

@dataclass(frozen=True)
class Ops:
    names: frozenset

@searchable
class Net:
    ops: object = choice(
        frozenset({"conv", "pool", "skip", "none"}),
        (frozenset({"conv", "pool", "skip"}), 1),
        Ops(frozenset({"conv", "pool", "skip"})),
    )

print([Space(Net).key(net) for net in Space(Net).enumerate()])
"""


def test_names_of_frozen_sets_do_not_depend_on_the_order_of_hashes() -> None:
    outs = [
        subprocess.run(
            [sys.executable, "-c", _NAMES],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert len(set(outs)) == 1
    assert "conv" in outs[0]


class Unstable:
    """A value whose name has the order of a set in it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unstable)

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"Unstable({ {'a', 'b'} })"


def test_other_names_with_the_order_of_hashes_are_refused() -> None:
    with pytest.raises(SpaceError, match="has no name that stays the same from run to run"):
        choice(Unstable(), 1)


class Compared:
    """Counts how often it is compared."""

    times = 0

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        return hash(self.number)

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return isinstance(other, Compared) and self.number == other.number

    def __repr__(self) -> str:
        return f"Compared({self.number})"


def test_many_options_are_not_compared_with_one_another() -> None:
    Compared.times = 0
    domain = choice(*map(Compared, range(2000)))
    assert Compared.times < 10 * 2000
    assert Space(made(k=domain)).size == 2000
    many = Space(made(k=choice(*range(20_000))))
    with pytest.raises(SpaceError, match=r"19, \.\.\. \(20,000 options\)\)$"):
        many.check(many.root(-1))
