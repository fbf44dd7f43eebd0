"""Values as Python code: what is written evaluates to the same."""

from __future__ import annotations

import builtins
import dataclasses
import datetime
import enum
import functools
import math
import pathlib
import sys
from decimal import Decimal
from fractions import Fraction
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raynas.errors import SpaceError
from raynas.refine.expressions import expression, path_of


class Color(enum.Enum):
    RED = 'r"ed'
    BLUE = "blue"


class Bits(enum.Flag):
    A = 1
    B = 2


@dataclasses.dataclass(frozen=True)
class Size:
    width: int
    name: str = 'it"s'
    act: Any = len


class Point(NamedTuple):
    x: float
    y: tuple[int, ...]


def double(x: int) -> int:
    return 2 * x


def refer(value: Any) -> str:
    if isinstance(value, ModuleType):
        return f"modules[{value.__name__!r}]"
    if getattr(builtins, value.__name__, None) is value:
        return str(value.__name__)
    return f"modules[{value.__module__!r}].{path_of(value)}"


def evaluated(code: str) -> Any:
    return eval(code, {"modules": sys.modules})  # noqa: S307 - what we wrote


plain = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats(width=64)
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.tuples(inner)
        | st.dictionaries(st.text(), inner)
        | st.frozensets(st.integers() | st.text())
    ),
    max_leaves=8,
)


def spelled(value: Any) -> Any:
    """`value` as what compares equal where it is the same: NaN, -0.0 and the order of sets too."""
    if isinstance(value, frozenset):
        return "frozenset", sorted(map(repr, value))
    if isinstance(value, dict):
        return "dict", [(repr(key), spelled(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [spelled(item) for item in value]
    return repr(value)


@given(values)
def test_plain_values_come_back(value: Any) -> None:
    assert spelled(evaluated(expression(value, refer))) == spelled(value)


@pytest.mark.parametrize(
    "value",
    [
        math.inf,
        -math.inf,
        Color.RED,
        Bits.A | Bits.B,
        Size(3),
        Size(4, "b", print),
        Point(math.inf, (1,)),
        torch.float16,
        torch.device("cpu"),
        np.float32(0.5),
        np.int64(3),
        Fraction(1, 3),
        Decimal("1.10"),
        pathlib.PurePosixPath('a"b'),
        datetime.timedelta(days=2),
        double,
        len,
        torch.nn.ReLU,
        torch.tanh,
        torch.nn.functional.gelu,
        {1, 2},
        set(),
        frozenset({Color.BLUE}),
        range(2, 9, 3),
        slice(1, None),
        {"a b": [Color.RED, (Size(1),)]},
    ],
)
def test_objects_come_back(value: Any) -> None:
    found = evaluated(expression(value, refer))
    assert found == value
    assert type(found) is type(value)


def test_a_partial_function_comes_back() -> None:
    found = evaluated(expression(functools.partial(int, base=2), refer))
    assert found("101") == 5


def test_what_has_a_state_of_its_own_is_refused() -> None:
    with pytest.raises(
        SpaceError, match=r"ReLU\(\) cannot be written as Python: declare it by han"
    ):
        expression([torch.nn.ReLU()], refer)
