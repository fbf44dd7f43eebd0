"""Classes that contain themselves, unrolled to a bounded depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from raynas.errors import SpaceError
from raynas.space.choices import Choice
from raynas.space.domains import Domain
from raynas.space.operators import Undecided
from raynas.space.option_labels import labels_of
from raynas.space.records import Record
from raynas.space.repeats import Repeat, Shared

__all__ = ["Recursion", "unrolled"]


@dataclass(frozen=True)
class Recursion(Undecided):
    """Stands for the class being declared among a choice's options, until `unrolled`."""

    depth: int

    def __str__(self) -> str:
        return f"recurse({self.depth})"


def unrolled(
    cls: type[Any], domains: Mapping[str, Domain], constants: Mapping[str, object]
) -> Record:
    """The record of `cls`, with itself in place of every `Recursion` as deep as that allows.

    Raises:
        SpaceError: A choice has no option but to recurse.
    """
    deepest = max((r.depth for domain in domains.values() for r in _recursions(domain)), default=0)
    return _level(0, deepest, cls, domains, constants)


def _level(
    level: int,
    deepest: int,
    cls: type[Any],
    domains: Mapping[str, Domain],
    constants: Mapping[str, object],
) -> Record:
    """The record of `cls` where it stands `level` times inside itself."""
    inner = _level(level + 1, deepest, cls, domains, constants) if level < deepest else None

    def place(recursion: Recursion) -> Record | None:
        return inner if level < recursion.depth else None

    fields = {name: _replaced(domain, place) for name, domain in domains.items()}
    return Record(cls, fields, constants)


def _recursions(domain: Domain) -> Iterator[Recursion]:
    if isinstance(domain, Choice):
        yield from (option for option in domain.choices if isinstance(option, Recursion))
    if isinstance(domain, Repeat | Shared):
        yield from _recursions(domain.element)


def _replaced(domain: Domain, place: Callable[[Recursion], Record | None]) -> Domain:
    """`domain` with what `place` gives instead of each recursion; None takes the option out."""
    if isinstance(domain, Repeat | Shared):
        return replace(domain, element=_replaced(domain.element, place))
    if not isinstance(domain, Choice):
        return domain
    choices = tuple(place(c) if isinstance(c, Recursion) else c for c in domain.choices)
    kept = tuple(
        choice
        for choice, declared in zip(choices, domain.choices, strict=True)
        if choice is not None or not isinstance(declared, Recursion)
    )
    if not kept:
        raise SpaceError("choice(recurse(...)) has no other option: give one that ends it")
    return Choice(kept, labels_of(kept))
