"""Objects with a state of their own, such as a module's weights, inside options and constants.

An option and a constant are one object for all architectures, so that a worker that trains one
trial after another would train the same weights in all of them.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

__all__ = ["stateful_part", "weights_in"]

_WITHOUT_STATE = (
    type,
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    functools.partial,
    Enum,
)


def stateful_part(value: object) -> object | None:
    """The first object in `value` that has state and is not equal to a copy of itself, or None.

    Such are instances of `torch.nn.Module`, tensors, and instances of any class that compares by
    identity and has attributes.
    """
    return _first(value, _is_stateful)


def weights_in(value: object) -> object | None:
    """The first `torch.nn.Module` or tensor in `value`, or None."""
    return _first(value, _has_weights)


def _first(value: object, test: Callable[[object], bool], depth: int = 4) -> object | None:
    if test(value):
        return value
    parts = _parts(value) if depth else ()
    return next(
        (p for p in (_first(part, test, depth - 1) for part in parts) if p is not None), None
    )


def _parts(value: Any) -> Iterator[object]:
    """What `value` is composed of."""
    match value:
        case tuple() | list() | set() | frozenset():
            yield from value
        case dict():
            yield from value.values()
        case functools.partial():
            yield from (value.func, *value.args, *value.keywords.values())
        case types.MethodType():
            yield from () if isinstance(value.__self__, type) else (value.__self__,)
        case types.FunctionType():
            defaults = (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
            yield from filter(_has_weights, defaults)
        case Enum():
            yield value.value
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            yield from (getattr(value, field.name, None) for field in dataclasses.fields(value))


def _has_weights(value: object) -> bool:
    """Whether `value` is a module or tensor of torch, which this package does not import."""
    names = {(c.__module__, c.__name__) for c in type(value).__mro__}
    return not names.isdisjoint({("torch.nn.modules.module", "Module"), ("torch", "Tensor")})


def _is_stateful(value: object) -> bool:
    if isinstance(value, _WITHOUT_STATE) or hasattr(value, "__qualname__"):
        return False
    by_identity = type(value).__eq__ is object.__eq__
    return _has_weights(value) or (by_identity and bool(getattr(value, "__dict__", None)))
