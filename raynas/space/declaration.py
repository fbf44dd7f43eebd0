"""What `choice` and the like return, and where a searchable class keeps its domain."""

from __future__ import annotations

import typing
from dataclasses import MISSING, dataclass
from typing import Any, TypeGuard

from raynas.arguments import shown
from raynas.errors import SpaceError
from raynas.space.decisions import Decisions
from raynas.space.domains import Domain
from raynas.space.operators import Undecided
from raynas.space.records import Record
from raynas.space.recursion import Recursion

__all__ = [
    "RECORD",
    "Declaration",
    "Declared",
    "declared",
    "has_record",
    "is_alias",
    "is_declaration",
    "is_space",
    "record_of",
]

RECORD = "__raynas_record__"
"""Attribute of a searchable class that holds its domain."""


@dataclass(frozen=True)
class Declared(Undecided):
    """A field's domain and the value that it has in the baseline."""

    domain: Domain
    default: Any

    def __str__(self) -> str:
        return str(self.domain)


Declaration: typing.TypeAlias = Domain | Declared | Recursion


def declared(domain: Domain, default: Any) -> Any:
    """`domain` with the field's default, if it has one."""
    return domain if default is MISSING else Declared(domain, default)


def is_declaration(value: object) -> TypeGuard[Declaration]:
    """Whether `value` is what a function such as `choice` returned."""
    return isinstance(value, Declaration)


def has_record(value: object) -> bool:
    """Whether `value` is a searchable class, or a class derived from one."""
    return isinstance(value, type) and hasattr(value, RECORD)


def is_alias(value: object) -> bool:
    """Whether `value` is a typing construct such as ``A | B`` or ``Block[int]``, not a class."""
    special = value is Any or (not isinstance(value, type) and type(value).__module__ == "typing")
    return special or typing.get_origin(value) is not None


def is_space(value: object) -> bool:
    """Whether `value` is a `raynas.space.Space`."""
    return isinstance(getattr(value, "decisions", None), Decisions)


def record_of(cls: object) -> Record:
    """The domain of a searchable class.

    Raises:
        SpaceError: `cls` is not a class decorated with `searchable`, or a domain was assigned to
            it after it was decorated.
    """
    record = cls.__dict__.get(RECORD) if isinstance(cls, type) else None
    if not isinstance(record, Record):
        if is_alias(cls):
            raise SpaceError(f"{cls} is a typing alias: use the @searchable class itself")
        name = cls.__name__ if isinstance(cls, type) else shown(cls)
        raise SpaceError(f"{name} is not a search space: decorate its class with @searchable")
    for name, value in vars(record.cls).items():
        if name != RECORD and is_declaration(value):
            raise SpaceError(
                f"{record.cls.__name__}.{name} = {value} was assigned after @searchable, so it is "
                "not searched: declare the field in the body of the class"
            )
    return record
