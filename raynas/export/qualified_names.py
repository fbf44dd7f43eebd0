"""Qualified names: module and name under which a class or function can be found again."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from raynas.errors import RaynasError
from raynas.export.module_source import is_own, is_users
from raynas.refine.expressions import attribute, path_of

__all__ = ["found_in", "is_builtin"]


def is_builtin(value: Any) -> bool:
    """Whether `value` is a builtin such as `len`, which needs no import."""
    return getattr(builtins, getattr(value, "__name__", ""), None) is value


def found_in(value: Any) -> tuple[str, str]:
    """A loaded module's name and the expression in it that gives `value`.

    Of an installed library, the shortest module that has it; of the user's modules, the one that
    defines it, or else any that has it as a global or in a global list or dictionary.

    Raises:
        RaynasError: It cannot be found.
    """
    if isinstance(value, ModuleType):
        return value.__name__, ""
    path = path_of(value)
    if path is not None:
        module = value.__module__
        return (module if is_users(module) else _shortest(module, path, value)), path
    for name, known in list(sys.modules.items()):
        if isinstance(known, ModuleType) and is_own(name):
            for place in _places(vars(known), value):
                return name, place
    raise RaynasError(
        f"{value!r} cannot be found by a name in any module, so that code cannot name it: define "
        "it at the top level of a file"
    )


def _shortest(module: str, path: str, value: Any) -> str:
    parts = module.split(".")
    prefixes = (".".join(parts[: count + 1]) for count in range(len(parts)))
    return next((name for name in prefixes if attribute(name, path) is value), module)


def _places(names: dict[str, Any], value: Any) -> Iterator[str]:
    for name, held in list(names.items()):
        if name.startswith("__"):
            continue
        if held is value:
            yield name
        elif type(held) is dict:
            yield from (f"{name}[{k!r}]" for k, v in held.items() if v is value and _is_key(k))
        elif type(held) in (list, tuple):
            yield from (f"{name}[{index}]" for index, v in enumerate(held) if v is value)


def _is_key(key: object) -> bool:
    return isinstance(key, str | int)
