"""Values as Python expressions: options, fields and arguments in generated code."""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from raynas.errors import SpaceError

__all__ = ["Refer", "attribute", "expression", "path_of"]

Refer: TypeAlias = Callable[[Any], str]
"""Gives an expression for a class or function, or raises SpaceError."""

_SHOWN = (bool, int, float, str, tuple)
_BRACKETS: dict[Any, tuple[str, str]] = {list: ("[", "]"), set: ("{", "}"), tuple: ("(", ")")}


def expression(value: Any, refer: Refer) -> str:
    """Python code that evaluates to `value`, every text in it quoted.

    Args:
        value: Plain values, containers, enums, dtypes, classes, functions, dataclasses, and what
            can be rebuilt from a class and arguments that are such.
        refer: Names the classes and functions in it.

    Raises:
        SpaceError: There is no such code, or `refer` knows none for a part of it.
    """
    kind = type(value)
    if kind in (bool, int, str, bytes, type(None), type(...)):
        return repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
    if kind in _BRACKETS or kind in (dict, frozenset):
        return _container(value, refer)
    if isinstance(value, type) or hasattr(value, "__qualname__"):
        return refer(value)
    if isinstance(value, enum.Enum):
        named = kind.__members__.get(value.name or "") is value
        return f"{refer(kind)}" + (f"[{value.name!r}]" if named else f"({value.value!r})")
    if dataclasses.is_dataclass(value):
        return _dataclass(value, refer)
    if isinstance(value, functools.partial):
        return _call(refer(kind), (value.func, *value.args), value.keywords, refer)
    if kind.__module__ == "numpy" and hasattr(value, "item") and value.shape == ():
        return _call(refer(kind), (value.item(),), {}, refer)
    return _rebuilt(value, refer)


def attribute(module: str, path: str) -> Any:
    """What `path`, names with dots between them, leads to in a loaded module; or None."""
    found: Any = sys.modules.get(module)
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


def path_of(value: Any) -> str | None:
    """What a class or function is called in the module that it says it is from; or None."""
    module = getattr(value, "__module__", None) or ""
    names = (getattr(value, key, None) for key in ("__qualname__", "__name__"))
    return next((name for name in names if name and attribute(module, name) is value), None)


def _container(value: Any, refer: Refer) -> str:
    kind = type(value)
    if kind is dict:
        pairs = (f"{expression(k, refer)}: {expression(v, refer)}" for k, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    parts = [expression(part, refer) for part in value]
    parts = sorted(parts) if kind in (set, frozenset) else parts
    if kind is frozenset or (not parts and kind is set):
        return f"{kind.__name__}({_listed(parts, '[', ']')})"
    if kind is tuple and len(parts) == 1:
        return f"({parts[0]},)"
    return _listed(parts, *_BRACKETS[kind])


def _listed(parts: Iterable[str], opening: str, closing: str) -> str:
    return f"{opening}{', '.join(parts)}{closing}"


def _dataclass(value: Any, refer: Refer) -> str:
    """A call with the fields; a constant of the class is left to it unless it is a plain value."""
    given = {}
    for field in dataclasses.fields(value):
        held = getattr(value, field.name)
        if field.init and (held is not field.default or type(held) in _SHOWN):
            given[field.name] = held
    return _call(refer(type(value)), (), given, refer)


def _call(function: str, given: Iterable[Any], words: dict[str, Any], refer: Refer) -> str:
    parts = [expression(part, refer) for part in given]
    parts += [f"{name}={expression(part, refer)}" for name, part in words.items()]
    return f"{function}({', '.join(parts)})"


def _rebuilt(value: Any, refer: Refer) -> str:
    """Code that rebuilds `value` as `copy` would: a name in its type's module, or a call."""
    module = type(value).__module__
    try:
        recipe = value.__reduce_ex__(4)
    except Exception:
        recipe = None
    if isinstance(recipe, str) and attribute(module, recipe) is value:
        return f"{refer(sys.modules[module])}.{recipe}"
    if isinstance(recipe, tuple) and not any(part is not None for part in recipe[2:]):
        function, given = recipe[0], recipe[1]
        if getattr(function, "__name__", "") == "__newobj__":
            function, given = given[0], given[1:]
        return _call(refer(function), given, {}, refer)
    raise SpaceError(f"{value!r} cannot be written as Python: declare it by hand")
