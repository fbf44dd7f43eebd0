"""Smaller spaces out of a large one: a part, what lies around some architectures, a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from raynas.errors import SpaceError
from raynas.space.choices import Choice, Subset
from raynas.space.domains import Domain, Integer, Real, collapsed
from raynas.space.options import Answer
from raynas.space.records import Record
from raynas.space.repeats import Repeat, Shared

__all__ = ["gridded", "narrowed", "part_of"]

Seen = Mapping[str, set[Answer]]


def part_of(record: Record, names: Sequence[str], rest: Any) -> Record:
    """`record` with the fields `names` searched and the others as in the instance `rest`.

    Raises:
        SpaceError: There is no such searched field.
    """
    for name in names:
        if name not in record.fields:
            raise SpaceError(
                f"{record.cls.__name__} searches no field {name!r}: "
                f"use one of {', '.join(record.fields)}"
            )
    held = {name: getattr(rest, name) for name in record.fields if name not in names}
    kept = {name: domain for name, domain in record.fields.items() if name in names}
    return replace(record, fields=kept, constants={**record.constants, **held})


def narrowed(record: Record, taken: Sequence[Mapping[str, Answer]]) -> Record:
    """`record` with only the options that occur among the answers `taken`, by path.

    The elements of a `repeat` are narrowed together, whatever their positions.
    """
    seen: dict[str, set[Answer]] = {}
    for answers in taken:
        for path, answer in answers.items():
            seen.setdefault(collapsed(path), set()).add(answer)
    narrow = _narrowed(record, "", seen)
    assert isinstance(narrow, Record)  # noqa: S101 - a record stays one
    return narrow


def gridded(record: Record, levels: int) -> Record:
    """`record` with `levels` values for each real number without steps."""
    fields = {name: _gridded(domain, levels) for name, domain in record.fields.items()}
    return replace(record, fields=fields)


def _gridded(domain: Domain, levels: int) -> Domain:
    match domain:
        case Record():
            return gridded(domain, levels)
        case Choice():
            options = (gridded(o, levels) if isinstance(o, Record) else o for o in domain.choices)
            return replace(domain, choices=tuple(options))
        case Repeat() | Shared():
            return replace(domain, element=_gridded(domain.element, levels))
        case Real(step=None):
            values = domain.options.spaced(levels)
            return Choice(values, values)
        case _:
            return domain


def _narrowed(domain: Domain, path: str, seen: Seen) -> Domain:
    answers = seen.get(path, set())
    match domain:
        case Record():
            prefix = f"{path}." if path else ""
            fields = {n: _narrowed(d, prefix + n, seen) for n, d in domain.fields.items()}
            return replace(domain, fields=fields)
        case Choice():
            return _narrowed_choice(domain, path, seen)
        case Integer() if answers:
            values = domain.values
            return replace(domain, low=values[min(answers)], high=values[max(answers)])
        case Real() if len(answers) == 1:
            return Choice(tuple(answers), tuple(answers))
        case Real() if answers:
            return replace(domain, low=min(answers), high=max(answers))
        case Subset() if answers:
            return _narrowed_subset(domain, answers)
        case Repeat():
            indices = seen.get(f"{path}.length") or range(len(domain.lengths))
            least, most = domain.lengths[min(indices)], domain.lengths[max(indices)]
            element = _narrowed(domain.element, f"{path}[*]", seen)
            return Repeat(element, least, most, domain.tied)
        case Shared():
            return Shared(domain.name, _narrowed(domain.element, domain.path, seen))
        case _:
            return domain


def _narrowed_choice(domain: Choice, path: str, seen: Seen) -> Choice:
    kept = sorted(seen.get(path, set())) or range(len(domain.choices))
    several = len(domain.choices) > 1
    choices = []
    for index in kept:
        below = f"{path}.{domain.labels[index]}" if several else path
        option = domain.choices[index]
        choices.append(_narrowed(option, below, seen) if isinstance(option, Record) else option)
    return Choice(tuple(choices), tuple(domain.labels[index] for index in kept))


def _narrowed_subset(domain: Subset, answers: set[Answer]) -> Subset:
    kept = sorted({index for answer in answers for index in answer})
    lengths = [len(answer) for answer in answers]
    options = replace(
        domain.options,
        labels=tuple(domain.options.labels[index] for index in kept),
        least=min(lengths),
        most=max(lengths),
    )
    return Subset(tuple(domain.values[index] for index in kept), options)
