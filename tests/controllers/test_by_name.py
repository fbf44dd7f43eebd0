"""Controllers by the names that users type."""

from __future__ import annotations

from typing import Any

import pytest

from raynas.controllers import Controller, Random, make_controller
from raynas.controllers.by_name import BY_NAME
from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.testing import TinyNet, simulate

SPACE = Space(TinyNet)


@pytest.mark.parametrize("name", BY_NAME)
class TestNamed:
    """Each name gives a controller that repeats nothing; test_contract.py holds each to more."""

    def test_covers_a_space_once(self, name: str) -> None:
        def make(space: Space[Any]) -> Controller:
            return make_controller(name, space)

        history = simulate(make, SPACE, lambda net: float(net.depth), 20, parallel=2)
        assert len(history) == SPACE.size
        assert history.architectures == set(SPACE.enumerate())


def test_a_class_or_a_function_makes_a_controller() -> None:
    for maker in (Random, lambda space: Random(space)):
        made = make_controller(maker, SPACE)
        assert isinstance(made, Random)
        assert made.space is SPACE


def test_an_instance_is_taken_as_it_is() -> None:
    controller = Random(SPACE)
    assert make_controller(controller, SPACE) is controller  # type: ignore[arg-type]


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ConfigurationError,
        match=f"controller='evolve' is unknown: use one of {', '.join(BY_NAME)}, or a function",
    ):
        make_controller("evolve", SPACE)


@pytest.mark.parametrize("maker", [lambda _: "random", 3, None, lambda _: Random])
def test_what_makes_no_controller_is_refused(maker: Any) -> None:
    with pytest.raises(ConfigurationError, match="it must make a raynas Controller"):
        make_controller(maker, SPACE)
