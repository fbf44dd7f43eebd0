"""Reads the fields of a class being decorated, and refuses what would silently not be searched."""

from __future__ import annotations

import dataclasses
import inspect
from abc import ABCMeta
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field
from typing import Any, Protocol

from raynas.errors import SpaceError
from raynas.space.canonical import CANONICAL
from raynas.space.declaration import (
    RECORD,
    Declared,
    has_record,
    is_declaration,
    is_space,
)
from raynas.space.domains import Domain
from raynas.space.misplaced_declarations import (
    declaration_in,
    declared_in_annotation,
    declared_in_class,
)
from raynas.space.records import FEASIBLE
from raynas.space.recursion import Recursion
from raynas.space.stateful_options import weights_in

__all__ = ["check_fields", "constants_of", "searched_fields"]

_METACLASSES = (type, ABCMeta, type(Protocol))
_WORDS = ("choice", "integer", "real", "subset", "repeat", "shared", "recurse")


def searched_fields(cls: type[Any]) -> tuple[dict[str, Domain], dict[str, object]]:
    """The domains of `cls` and its bases, and the baseline's values of its own.

    Domains are taken off `cls`, so that the dataclass made of it sees the defaults only.

    Raises:
        SpaceError: See `raynas.space.searchable`.
    """
    _check_kind(cls)
    domains = _inherited(cls)
    defaults: dict[str, object] = {}
    annotations = inspect.get_annotations(cls)
    for name, value in list(vars(cls).items()):
        _check_attribute(cls, name, value, annotations)
        if isinstance(value, Domain | Declared):
            domains[name] = value.domain if isinstance(value, Declared) else value
            delattr(cls, name)
            if isinstance(value, Declared):
                defaults[name] = value.default
                setattr(cls, name, value.default)
        elif name in annotations:
            domains.pop(name, None)
    for name, annotation in annotations.items():
        if name not in domains and (found := declared_in_annotation(annotation)) is not None:
            raise SpaceError(
                f"field {name!r} of {cls.__name__} has a domain in its annotation, {found}: write "
                f"`{name}: <type> = {_in_short(found)}`"
            )
    return domains, defaults


def constants_of(cls: type[Any], domains: Mapping[str, Domain]) -> dict[str, object]:
    """The values of the fields of the dataclass `cls` that are not searched.

    Raises:
        SpaceError: A field has neither a domain nor a default.
    """
    constants: dict[str, object] = {}
    for field in dataclasses.fields(cls):
        if field.name in domains:
            continue
        if field.default is MISSING:
            made = field.default_factory is not MISSING
            lack = "a default_factory, which is no domain" if made else "no domain"
            raise SpaceError(
                f"field {field.name!r} of {cls.__name__} has {lack}: "
                "give it choice(...), integer(...) or repeat(...), or a default that stays fixed"
            )
        constants[field.name] = field.default
    return constants


def check_fields(cls: type[Any], domains: Mapping[str, Domain]) -> None:
    """Refuse domains that the dataclass `cls` has no field for, and fields that it cannot set."""
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for name, domain in domains.items():
        if name not in fields:
            raise SpaceError(
                f"field {name!r} of {cls.__name__} = {domain} is annotated as ClassVar or InitVar, "
                f"which is no field of an architecture: write `{name}: <type> = {domain}`"
            )
    for name, field in fields.items():
        if not field.init:
            raise SpaceError(
                f"field {name!r} of {cls.__name__} has init=False: an architecture is made of all "
                "its fields; make it a property"
            )


def _check_kind(cls: type[Any]) -> None:
    """Refuse a class whose instances are made, or set, in another way than a dataclass's."""
    kinds = {"__new__": object.__new__, "__setattr__": object.__setattr__}
    foreign = [base for base in cls.__mro__[1:] if not _is_plain(base, kinds)]
    if foreign:
        base = foreign[-1].__name__
        network = foreign[-1].__module__.startswith("torch.nn")
        raise SpaceError(
            f"{cls.__name__} inherits from {base}, whose instances are no dataclasses: take it out "
            "of the bases" + (" and return the module from build()" if network else "")
        )


def _is_plain(base: type[Any], kinds: Mapping[str, object]) -> bool:
    own = all(vars(base).get(name, kind) is kind for name, kind in kinds.items())
    return type(base) in _METACLASSES and (own or has_record(base))


def _inherited(cls: type[Any]) -> dict[str, Domain]:
    """The domains of the bases of `cls`; a constant there hides those of bases further off.

    Raises:
        SpaceError: A base has domains, or replaces a field, without being searchable itself.
    """
    domains: dict[str, Domain] = {}
    names: set[str] = set()
    for base in reversed(cls.__mro__[1:]):
        record = base.__dict__.get(RECORD)
        if record is None:
            _check_base(cls, base, names)
            continue
        names |= {*record.fields, *record.constants}
        domains = {name: d for name, d in domains.items() if name not in record.constants}
        domains.update(record.fields)
    return domains


def _check_base(cls: type[Any], base: type[Any], names: set[str]) -> None:
    if (found := declared_in_class(base)) is not None:
        raise SpaceError(
            f"{base.__name__}, a base of {cls.__name__}, declares {found[0]} = {found[1]} but is "
            f"not searchable: put @searchable above class {base.__name__}"
        )
    if replaced := sorted(names & vars(base).keys()):
        raise SpaceError(
            f"{base.__name__}, a base of {cls.__name__}, replaces the field {replaced[0]!r} but is "
            f"not searchable: put @searchable above class {base.__name__}"
        )


def _check_attribute(
    cls: type[Any], name: str, value: object, annotations: Mapping[str, Any]
) -> None:
    """Refuse an attribute of the class body that would not mean what it says."""
    at = f"field {name!r} of {cls.__name__}"
    if name in ("__init__", "__dataclass_fields__"):
        raise SpaceError(
            f"{cls.__name__} has an __init__ of its own: @searchable makes it of the fields; "
            "remove it, or the @dataclass that made it"
        )
    if isinstance(value, Recursion):
        raise SpaceError(
            f"{at} is recurse({value.depth}): recurse() may only be an option of a choice()"
        )
    if name == "__annotations__":
        return
    if name not in annotations:
        _check_unannotated(cls, name, value)
    elif name in (FEASIBLE, CANONICAL):
        raise SpaceError(
            f"{at} has the name of a method with a meaning to a search: give it another name"
        )
    elif not is_declaration(value):
        _check_constant(at, name, value)
    if (module := None if is_declaration(value) else weights_in(value)) is not None:
        kind = type(module).__name__
        raise SpaceError(
            f"{at} holds a {kind} object, whose weights all trials of a worker would share: "
            f"keep the class, {kind}, and call it in build()"
        )


def _check_unannotated(cls: type[Any], name: str, value: object) -> None:
    if is_declaration(value):
        raise SpaceError(
            f"field {name!r} of {cls.__name__} has no type annotation: "
            f"write `{name}: <type> = {value}`"
        )
    if not isinstance(value, type) and (found := declaration_in(value)) is not None:
        raise SpaceError(
            f"{cls.__name__}.{name} has {found} inside, which would not be searched: make it the "
            "value of an annotated field"
        )
    for base in cls.__mro__[1:]:
        record = base.__dict__.get(RECORD)
        if record is not None and name in (*record.fields, *record.constants):
            raise SpaceError(
                f"{cls.__name__}.{name} replaces a field of {base.__name__} without a type "
                f"annotation: write `{name}: <type> = ...`"
            )


def _check_constant(at: str, name: str, value: Any) -> None:
    """Refuse a constant that holds what was meant to be searched."""
    if isinstance(value, Field) and is_declaration(value.default):
        fix = f"write `{name}: <type> = {value.default}`, without field()"
        raise SpaceError(f"{at} has a domain inside of field(): {fix}")
    if getattr(value, "__module__", "") == "raynas.space.declare" and (
        getattr(value, "__name__", "") in _WORDS
    ):
        word = value.__name__
        raise SpaceError(f"{at} is the function {word} itself: call it, as in {word}(...)")
    classes = [part.__name__ for part in _flat(value) if has_record(part)]
    classes += [part.root.__name__ for part in _flat(value) if is_space(part)]
    if classes:
        raise SpaceError(
            f"{at} is the class {classes[0]} itself, which would not be searched: write "
            f"`{name}: <type> = choice({', '.join(classes)})`"
        )
    if (found := declaration_in(value)) is not None:
        raise SpaceError(
            f"{at} is a constant with {found} inside, which would not be searched: give each "
            "domain a field of its own, or use repeat() for a tuple of equal ones"
        )


def _flat(value: Any) -> Iterator[Any]:
    """`value`, or what is in it where it is a tuple, of tuples too."""
    if isinstance(value, tuple):
        for part in value:
            yield from _flat(part)
    else:
        yield value


def _in_short(value: Any) -> str:
    text = getattr(value, "__name__", str(value))
    found = text.partition("Annotated")[2]
    return "choice(...)" if found else str(text)
