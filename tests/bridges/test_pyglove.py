from __future__ import annotations

import random
from itertools import islice
from typing import Any

import numpy as np
import pyglove as pg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raynas.bridges.pyglove import from_dna, from_pyglove, to_dna, to_pyglove
from raynas.errors import SpaceError
from raynas.space import Space, choice, integer, real, repeat, searchable, shared
from raynas.testing import LoneNet, TinyNet, ToyNet
from raynas.testing.generated import spaces, spaces_and_seeds
from raynas.testing.spaces import Conv, Skip


def has_shared(space: Space[Any]) -> bool:
    return any(column.path.startswith("@") for column in space.columns)


@settings(max_examples=50)
@given(spaces_and_seeds())
def test_architectures_round_trip(drawn: tuple[Space[Any], int]) -> None:
    space, seed = drawn
    if has_shared(space):
        with pytest.raises(SpaceError, match=r"shared\(.*cannot be carried: PyGlove has no choic"):
            to_pyglove(space)
        return
    rng = np.random.default_rng(seed)
    for architecture in [space.sample(rng) for _ in range(3)]:
        assert from_dna(space, to_dna(space, architecture)) == architecture


@settings(max_examples=50)
@given(spaces_and_seeds())
def test_pygloves_random_dna_round_trips(drawn: tuple[Space[Any], int]) -> None:
    space, seed = drawn
    if has_shared(space):
        return
    dna = pg.random_dna(pg.dna_spec(to_pyglove(space)), random.Random(seed))
    architecture = from_dna(space, dna)
    space.check(architecture)
    assert to_dna(space, architecture) == dna


@settings(max_examples=50)
@given(spaces())
def test_sizes_agree(space: Space[Any]) -> None:
    if has_shared(space):
        return
    assert pg.dna_spec(to_pyglove(space)).space_size == space.size
    architectures = list(islice(space.enumerate(), 60))
    assert len({str(to_dna(space, a).to_numbers()) for a in architectures}) == len(architectures)


@settings(max_examples=50)
@given(spaces(), st.integers(0, 2**16))
def test_there_and_back_keeps_the_decisions(space: Space[Any], seed: int) -> None:
    if has_shared(space) or space.size == 1:
        return
    hyper = to_pyglove(space)
    back = from_pyglove(hyper)
    assert back.size == space.size
    dna = pg.random_dna(pg.dna_spec(hyper), random.Random(seed))
    assert to_dna(back, from_dna(back, dna)) == dna


def test_a_decoded_value_is_the_architecture_as_a_dict() -> None:
    space = Space(ToyNet)
    dna = to_dna(space, ToyNet(16, (Conv(3, "relu"), Skip())))
    assert pg.template(to_pyglove(space)).decode(dna) == pg.Dict(
        {
            "class": "ToyNet",
            "width": 16,
            "blocks": [{"class": "Conv", "kernel": 3, "activation": "relu"}, {"class": "Skip"}],
        }
    )


class Layer(pg.Object):  # type: ignore[misc]
    kind: Any
    width: Any = 3


def hyper() -> Any:
    """With all that can be carried."""
    layer = Layer(kind=pg.oneof(["conv", "pool"]))
    return pg.Dict(
        {
            "first-layer": pg.oneof([layer, Layer(kind=pg.oneof([1, 2])), None, [1, 2], 7]),
            "letters": pg.manyof(2, ["a", "b", "c"]),
            "sorted": pg.manyof(2, ["a", "b", "c"], distinct=False, sorted=True),
            "rest": [pg.oneof([1, 2]), pg.Dict(rate=pg.floatv(1e-3, 1.0, scale="log"))],
            "nested": pg.manyof(2, [pg.Dict(a=pg.oneof([1, 2])), 5], distinct=False),
            "constant": 3,
        }
    )


@settings(max_examples=15)
@given(st.integers(0, 2**16))
def test_dna_of_a_space_made_elsewhere_round_trips(seed: int) -> None:
    given_hyper = hyper()
    space = from_pyglove(given_hyper)
    dna = pg.random_dna(pg.dna_spec(given_hyper), random.Random(seed))
    architecture = from_dna(space, dna)
    space.check(architecture)
    assert to_dna(space, architecture) == dna
    mutant = space.mutate(architecture, np.random.default_rng(seed))
    pg.template(given_hyper).decode(to_dna(space, mutant))


def test_the_size_of_a_space_made_elsewhere() -> None:
    value = pg.Dict(x=pg.oneof([pg.Dict(a=pg.oneof([1, 2])), 3]), y=pg.permutate(["a", "b", "c"]))
    assert from_pyglove(value).size == pg.dna_spec(value).space_size == 3 * 6
    assert from_pyglove(pg.oneof([1, 2])).size == 2
    assert from_pyglove({"x": [pg.oneof([1, 2]), pg.oneof([1, 2])]}).size == 4


@searchable
class Numbers:
    whole: int = integer(-3, 7)
    stepped: float = real(0.1, 0.7, step=0.3)
    rate: float = real(1e-12, 1e-3, log=True)


@pytest.mark.parametrize("numbers", [Numbers(-3, 0.1, 1e-12), Numbers(7, 0.7, 1e-3)])
def test_both_bounds_are_included(numbers: Numbers) -> None:
    space = Space(Numbers)
    template = pg.template(to_pyglove(space))
    dna = to_dna(space, numbers)
    assert from_dna(space, dna) == numbers
    decoded = template.decode(dna)
    assert (decoded.whole, decoded.stepped, decoded.rate) == (
        numbers.whole,
        pytest.approx(numbers.stepped),
        numbers.rate,
    )
    made = from_pyglove(pg.Dict(rate=pg.floatv(1e-12, 1e-3)))
    assert from_dna(made, pg.DNA(numbers.rate)).rate == numbers.rate


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (pg.floatv(0.1, 1.0, scale="rlog"), r"hyper.x = Float.*raynas has no such choice"),
        (pg.oneof([1]), r"hyper.x = OneOf.*single outcome; write that instead"),
        (pg.manyof(2, ["a", "b"], sorted=True), "hyper.x = ManyOf.*single outcome"),
        (pg.manyof(2, [pg.Dict(a=pg.oneof([1, 2])), 5]), "hyper.x = ManyOf.*distinct or sorted"),
        (pg.hyper.ValueReference(["y"]), "hyper.x = ValueReference.*raynas has no such choice"),
        (pg.oneof([1, True]), r"hyper.x: choice\(\) has the option True twice"),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(value: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=f"(?s){message}"):
        from_pyglove(pg.Dict(x=value, y=pg.oneof([1, 2])))


@searchable
class Even:
    width: int = integer(1, 2)

    def is_feasible(self) -> bool:
        return self.width == 2


@searchable
class Huge:
    blocks: tuple[int, ...] = repeat(integer(0, 10_000), 2)


@searchable
class Both:
    kind: str = shared("kind", choice("a", "b"))


@searchable
class ByLog:
    width: int = integer(1, 64, log=True)


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (ByLog, r"width = range\(1, 65\), log cannot be carried: PyGlove draws whole numbers even"),
        (Even, r"Even.is_feasible of Space\(Even\) cannot be carried: PyGlove knows no constr"),
        (Huge, r"blocks\[0\] of 10,001 values cannot be carried: PyGlove would have to list them"),
        (Both, r"kind = shared\('kind', choice\('a', 'b'\)\) cannot be carried: PyGlove has no"),
    ],
)
def test_spaces_that_pyglove_cannot_say_are_refused(root: type[Any], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        to_pyglove(Space(root))


@pytest.mark.parametrize("dna", [pg.DNA(None), pg.DNA([0, 3]), pg.DNA([0, 0.5])])
def test_a_dna_of_another_space_is_refused(dna: Any) -> None:
    with pytest.raises(SpaceError, match=r"is not of Space\(TinyNet\): give one of its own"):
        from_dna(Space(TinyNet), dna)


def test_a_dna_that_is_too_long_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"longer than those of Space\(TinyNet\)"):
        from_dna(Space(TinyNet), pg.DNA([0, 0, 0]))


def test_a_space_of_one_has_an_empty_dna() -> None:
    space = Space(LoneNet)
    assert to_dna(space, LoneNet(3)) == pg.DNA(None)
    assert from_dna(space, pg.DNA(None)) == LoneNet(3)


def test_a_narrowed_space_has_its_own_dna() -> None:
    space = from_pyglove(pg.Dict(x=pg.oneof(["a", "b", "c"]), y=pg.oneof([1, 2])))
    last = from_dna(space, pg.DNA([2, 1]))
    first = from_dna(space, pg.DNA([1, 0]))
    narrow = space.around(first, last)
    assert to_dna(narrow, last) == pg.DNA([1, 1])
    assert from_dna(narrow, pg.DNA([1, 1])) == last
