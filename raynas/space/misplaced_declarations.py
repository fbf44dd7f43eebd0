"""Finds domains where nobody looks for them, so that they can be refused instead of ignored.

A domain is searched where it is the value of an annotated field of a searchable class. Anywhere
else, such as inside a tuple, in a class without the decorator, in an annotation or as a default of
a function, it would silently be a constant.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import types
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from raynas.space.declaration import RECORD, Declaration, is_declaration

__all__ = ["declaration_in", "declared_in_annotation", "declared_in_class"]

_DEPTH = 5  # objects within objects; stops at cycles
_CALL = re.compile(r"\b(choice|integer|real|subset|repeat|shared|recurse)\s*\(")


def declaration_in(value: object, depth: int = _DEPTH) -> Declaration | None:
    """The first domain that `value` is, or has inside; None where there is none."""
    if is_declaration(value):
        return value
    if depth:
        for part in _parts(value):
            if (found := declaration_in(part, depth - 1)) is not None:
                return found
    return None


def declared_in_class(cls: type[Any], depth: int = _DEPTH) -> tuple[str, Declaration] | None:
    """An attribute of `cls`, bases left out, with the domain in it; None where there is none."""
    for name, value in vars(cls).items():
        if isinstance(value, type):
            continue
        if (found := declaration_in(value, depth - 1)) is not None:
            return name, found
    for name, annotation in inspect.get_annotations(cls).items():
        if (call := declared_in_annotation(annotation)) is not None:
            return name, call
    return None


def declared_in_annotation(annotation: object) -> Any:
    """The domain in a type annotation, or the text of one that is not evaluated; None without."""
    if isinstance(annotation, str):
        return annotation if _CALL.search(annotation) else None
    parts = (annotation, *getattr(annotation, "__metadata__", ()))
    return next((part for part in parts if is_declaration(part)), None)


def undecorated(cls: type[Any]) -> Iterator[type[Any]]:
    """`cls` and its bases, without those that are searchable themselves."""
    return (base for base in cls.__mro__ if RECORD not in vars(base))


def _parts(value: Any) -> Iterator[object]:
    """Places in `value` in which a domain may hide."""
    match value:
        case tuple() | list() | set() | frozenset():
            yield from value
        case Mapping():
            yield from value.values()
        case functools.partial():
            yield from (value.func, *value.args, *value.keywords.values())
        case types.FunctionType():
            yield from (value.__defaults__ or ())
            yield from (value.__kwdefaults__ or {}).values()
        case staticmethod() | classmethod() | types.MethodType():
            yield value.__func__
        case Enum():
            yield value.value
        case type():
            for base in undecorated(value):
                if (found := declared_in_class(base)) is not None:
                    yield found[1]
        case _:
            yield from _parts_of_object(value)


def _parts_of_object(value: Any) -> Iterator[object]:
    """The default of a field of dataclasses, attrs or pydantic; the fields of a dataclass."""
    kind = type(value)
    if kind.__module__.partition(".")[0] in ("dataclasses", "attr", "pydantic"):
        yield getattr(value, "default", None)
    elif dataclasses.is_dataclass(kind):
        yield from (getattr(value, field.name, None) for field in dataclasses.fields(kind))
