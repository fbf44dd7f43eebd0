"""How what pickle cannot send reaches another process with the module that holds it.

Locks, caches and dispatchers are made there anew. A compiled function, an open file or a context
variable is taken by its name from the module's text, which is run there, as in a child of a data
loader.
"""

from __future__ import annotations

import functools
import importlib
import sys
import threading
from collections.abc import Callable, Collection, Mapping
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle

__all__ = ["Reduced", "reduction", "unpicklable"]

Reduced = tuple[Callable[..., Any], tuple[Any, ...]]
"""What a pickler writes for an object: a function that makes it, and the function's arguments."""
Cached: Any = type(functools.lru_cache(len))
_LOCKS = {type(make()): make for make in (threading.Lock, threading.RLock)}
_COMPILED = "_torchdynamo_orig_callable"


def unpicklable(modules: Collection[str]) -> dict[int, tuple[str, str]]:
    """Module and name of each global of `modules` that cannot be pickled, by the object's `id`.

    Objects of classes that `modules` define are left out: made again, they would be of another
    class of that name.
    """
    found = {}
    for name in modules:
        for key, value in dict(vars(sys.modules.get(name, ModuleType(name)))).items():
            if not _goes_by_value(value, modules) and not _can_be_pickled(value):
                found[id(value)] = name, key
    return found


def reduction(obj: Any, named: Mapping[int, tuple[str, str]]) -> Reduced | None:
    """What to write for `obj`; None where pickle does right by itself.

    Args:
        obj: Any object.
        named: What `unpicklable` found, if this was asked for.

    Raises:
        TypeError: It is a thread.
    """
    if id(obj) in named:
        return _global_of, named[id(obj)]
    if isinstance(obj, threading.Thread):  # a copy would not run, and wait for ever
        raise TypeError(f"cannot pickle {type(obj).__name__!r} object")
    if type(obj) in _LOCKS:
        return _LOCKS[type(obj)], ()
    if isinstance(obj, Cached):  # pickle would write its name
        parameters = obj.cache_parameters()
        return _cached, (obj.__wrapped__, parameters["maxsize"], parameters["typed"])
    if isinstance(obj, FunctionType) and hasattr(obj, "registry") and hasattr(obj, "dispatch"):
        return _dispatching, (tuple(obj.registry.items()),)
    return None


def _goes_by_value(value: object, modules: Collection[str]) -> bool:
    code = isinstance(value, type | FunctionType | ModuleType | Cached)
    return (code and not hasattr(value, _COMPILED)) or type(value).__module__ in modules


def _can_be_pickled(value: object) -> bool:
    try:
        cloudpickle.dumps(value)
    except Exception:  # whatever its class raises
        return False
    return True


def _global_of(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _cached(function: Callable[..., Any], maxsize: int | None, typed: bool) -> Any:
    return functools.lru_cache(maxsize, typed)(function)


def _dispatching(registry: tuple[tuple[Any, Callable[..., Any]], ...]) -> Any:
    functions = dict(registry)
    made = functools.singledispatch(functions.pop(object))
    for kind, function in functions.items():
        made.register(kind, function)
    return made
