"""What a class says of its instances: constraints, canonical forms, and which class it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from raynas.asktell import AskTell
from raynas.errors import SpaceError
from raynas.space import Space, choice, integer, repeat, searchable


@searchable
class Odd:
    """Its constraint is a property."""

    first: int = integer(0, 3)
    second: int = integer(0, 3)

    @property
    def is_feasible(self) -> bool:
        return (self.first + self.second) % 2 == 1


def test_a_constraint_may_be_a_property() -> None:
    space = Space(Odd)
    assert len(list(space.enumerate())) == 8
    assert not space.contains(Odd(1, 1))


def test_a_constraint_that_gives_nothing_is_refused() -> None:
    @searchable
    class Forgot:
        value: int = integer(0, 3)

        def is_feasible(self) -> bool | None:
            self.value > 1  # noqa: B015 - the return is forgotten
            return None

    with pytest.raises(
        SpaceError, match=r"Forgot\.is_feasible gave None .* must return True or Fal"
    ):
        Space(Forgot).sample(np.random.default_rng(0))


@searchable
class Pair:
    """Its canonical form is given by a method."""

    first: int = choice(1, 3, 5)
    second: int = choice(1, 3, 5)

    def canonical(self) -> Pair:
        return Pair(*sorted((self.first, self.second)))


@searchable
class Pairs:
    """Has canonical forms only inside."""

    pairs: tuple[Pair, ...] = repeat(Pair, 1, 2)
    head: object = choice(Pair, "none")


def test_a_canonical_form_may_come_from_a_method() -> None:
    assert Space(Pair).canonical(Pair(5, 1)) == Pair(1, 5)


def test_canonical_forms_of_parts_are_those_of_the_whole() -> None:
    space = Space(Pairs)
    found = space.canonical(Pairs((Pair(5, 1), Pair(1, 3)), Pair(3, 1)))
    assert found == Pairs((Pair(1, 5), Pair(1, 3)), Pair(1, 3))
    assert space.canonical(found) is found


def test_only_canonical_forms_are_proposed() -> None:
    with AskTell(Pair, "random", seed=0) as search:
        proposed = []
        while (proposal := search.ask()) is not None:
            proposed.append(proposal.architecture)
            search.tell(proposal.number, 1.0)
    assert len(proposed) == len(set(proposed)) == 6
    assert all(pair.first <= pair.second for pair in proposed)


def test_a_part_of_a_space_without_the_form_keeps_what_it_has() -> None:
    part = Space(Pair).around(Pair(5, 1))
    assert part.size == 1
    assert part.canonical(Pair(5, 1)) == Pair(5, 1)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (lambda self: None, r"Wrong\.canonical gave None: it must give an instance of Wrong"),
        (lambda self: type(self)(7), r"value = 7 is not in the space"),
    ],
)
def test_what_is_no_canonical_form_is_refused(form: Any, message: str) -> None:
    wrong: Any = searchable(
        type(
            "Wrong",
            (),
            {"__annotations__": {"value": int}, "value": integer(0, 3), "canonical": form},
        )
    )
    with pytest.raises(SpaceError, match=message):
        Space(wrong).canonical(wrong(1))


def cell() -> tuple[Any, Any]:
    """What a cell of a notebook defines, each time that it runs."""

    @searchable
    class Conv:
        kernel: int = choice(3, 5)

    @searchable
    class Net:
        block: object = choice(Conv, "skip")
        activation: object = choice(Act, "none")

    return Net, Conv


class Act:
    pass


def test_a_class_that_was_defined_again_is_named() -> None:
    net, conv = cell()
    again, conv_again = cell()
    message = "was defined again since, and the two definitions are different classes; run the code"
    with pytest.raises(SpaceError, match=f"Net {message}"):
        Space(again).check(net(conv(3), "none"))
    with pytest.raises(SpaceError, match=f"block = .* Conv {message}"):
        Space(net).check(net(conv_again(3), "none"))
    old = Act
    new = type("Act", (), {"__module__": Act.__module__, "__qualname__": Act.__qualname__})
    with pytest.raises(SpaceError, match=f"activation = .* Act {message}"):
        Space(net).check(net("skip", new))
    Space(net).check(net(conv(3), old))
