"""Conditions under which decisions are active; what other libraries cannot express."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from raynas.bridges.dynamic_classes import refusal
from raynas.space import Space
from raynas.space.choices import Choice
from raynas.space.domains import Domain
from raynas.space.options import Options
from raynas.space.records import FEASIBLE, Record
from raynas.space.repeats import Repeat, Shared

__all__ = ["Decision", "decisions", "domains", "refuse_constraints"]

Parent: TypeAlias = tuple[str, frozenset[int]] | None
"""Path of a decision and the answers to it that make another active; None for always."""


@dataclass(frozen=True)
class Decision:
    """A decision and when it is asked.

    Attributes:
        path: Path of the decision in the space.
        options: The possible answers.
        parents: The decisions that make it active, each with the answers that do: one of them
            suffices, and is itself active then. Empty where it is always active.
    """

    path: str
    options: Options
    parents: Mapping[str, frozenset[int]]


def decisions(space: Space[Any]) -> tuple[Decision, ...]:
    """Every decision of `space` once, parents before what they make active."""
    options: dict[str, Options] = {}
    parents: dict[str, dict[str, frozenset[int]]] = {}
    always: set[str] = set()
    for path, answers, parent in _walk(space.domain, "", None):
        options[path] = answers
        if parent is None:
            always.add(path)
        else:
            found = parents.setdefault(path, {})
            found[parent[0]] = found.get(parent[0], frozenset()) | parent[1]
    return tuple(
        Decision(path, answers, {} if path in always else parents[path])
        for path, answers in options.items()
    )


def domains(domain: Domain) -> Iterator[Domain]:
    """`domain` and all that it is composed of."""
    yield domain
    for part in domain.parts:
        yield from domains(part)


def refuse_constraints(space: Space[Any], library: str) -> None:
    """Raise a `SpaceError` if a class of `space` has a constraint."""
    for domain in domains(space.domain):
        if isinstance(domain, Record) and hasattr(domain.cls, FEASIBLE):
            raise refusal(
                f"{domain.cls.__name__}.{FEASIBLE} of {space!r}",
                f"{library} knows no constraint written in Python",
                "declare the space so that every combination is feasible",
            )


def _walk(domain: Domain, path: str, parent: Parent) -> Iterator[tuple[str, Options, Parent]]:
    match domain:
        case Record():
            for name, field in domain.fields.items():
                yield from _walk(field, f"{path}.{name}" if path else name, parent)
        case Choice():
            yield from _walk_choice(domain, path, parent)
        case Repeat():
            yield from _walk_repeat(domain, path, parent)
        case Shared():
            yield from _walk(domain.element, domain.path, parent)
        case _:
            yield from ((where, options, parent) for where, options in domain.decisions(path))


def _walk_choice(
    domain: Choice, path: str, parent: Parent
) -> Iterator[tuple[str, Options, Parent]]:
    several = len(domain.labels) > 1
    if several:
        yield path, domain.options, parent
    for index, option in enumerate(domain.choices):
        if isinstance(option, Record):
            below = f"{path}.{domain.labels[index]}" if several else path
            yield from _walk(option, below, (path, frozenset({index})) if several else parent)


def _walk_repeat(
    domain: Repeat, path: str, parent: Parent
) -> Iterator[tuple[str, Options, Parent]]:
    if domain.minimum < domain.maximum:
        yield f"{path}.length", domain.options, parent
    for i in range(min(domain.maximum, 1) if domain.tied else domain.maximum):
        longer = frozenset(n for n, length in enumerate(domain.lengths) if length > i)
        active = parent if i < domain.minimum else (f"{path}.length", longer)
        yield from _walk(domain.element, f"{path}[*]" if domain.tied else f"{path}[{i}]", active)
