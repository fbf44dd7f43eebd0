from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raynas.bridges.dynamic_classes import Literal, field_names, host, made, option
from raynas.errors import ConfigurationError
from raynas.space import Space, choice


@given(st.lists(st.text(max_size=4) | st.integers(0, 3), unique=True))
def test_every_key_gets_a_field_of_its_own(keys: list[object]) -> None:
    names = field_names(keys)
    assert len(set(names.values())) == len(names) == len(keys)
    cls = made("Any", {name: choice(1, 2) for name in names.values()}, {})
    assert Space(cls).size == 2 ** len(keys)


def test_names_with_a_meaning_are_not_taken() -> None:
    keys = ["lr", "is_feasible", "graph", "class", "__slots__", "a b", "a_b", 0]
    assert list(field_names(keys).values()) == [
        *("lr", "xis_feasible", "xgraph", "xclass", "x__slots__", "a_b_", "a_b", "x0")
    ]


def test_what_cannot_be_hashed_is_an_option_by_how_it_prints() -> None:
    assert option((1, 2)) == (1, 2)
    assert option([1, 2]) == Literal("[1, 2]", [1, 2])
    assert repr(option([1, 2])) == "[1, 2]"


def test_a_library_that_is_not_installed_is_named_with_its_extra() -> None:
    with pytest.raises(ConfigurationError, match=r"nothing_here is not .*'raynas\[pyglove\]'"):
        host("nothing_here", "pyglove")
