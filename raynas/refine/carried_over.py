"""The trials of an earlier search that say something about another space."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from raynas.errors import SpaceError
from raynas.space import Space
from raynas.space.choices import Choice
from raynas.space.declare import record_of
from raynas.space.domains import Domain
from raynas.space.records import Record
from raynas.space.repeats import Repeat, Shared
from raynas.trials import Architecture, History, Trial

__all__ = ["carried"]


class _NotThereError(Exception):
    """The value has no counterpart in the space."""


def carried(history: History, space: Space[Any]) -> History:
    """The ended trials of `history` whose architectures are in `space` too, as members of it.

    Classes correspond by name, as those that `raynas refine` writes do to those they refine. A
    reward is taken to mean in `space` what it meant: task and reward should be the same. For
    `WarmStart`.

    Args:
        history: History of an earlier search.
        space: Declared by a class, not made by `around` or `split`.
    """
    record = record_of(space.root)
    kept: list[Trial] = []
    for trial in history.ended:
        try:
            architecture = _moved(trial.architecture, record)
            space.check(architecture)
        except (_NotThereError, SpaceError):
            continue
        kept.append(replace(trial, number=len(kept), architecture=architecture))
    return History(tuple(kept), history.shown_as)


def _moved(value: Any, domain: Domain) -> Architecture:
    """`value` with the classes of `domain` in place of those of the same names."""
    match domain:
        case Record():
            return _moved_record(value, domain)
        case Choice():
            for option in domain.choices:
                if isinstance(option, Record) and option.cls.__name__ == type(value).__name__:
                    return _moved_record(value, option)
            return value
        case Repeat():
            return tuple(_moved(element, domain.element) for element in value)
        case Shared():
            return _moved(value, domain.element)
        case _:
            return value


def _moved_record(value: Any, record: Record) -> Architecture:
    if type(value).__name__ != record.cls.__name__:
        raise _NotThereError
    had = {field.name for field in fields(value)}
    if not set(record.fields) <= had:
        raise _NotThereError
    for name, constant in record.constants.items():
        if name in had and getattr(value, name) != constant:
            raise _NotThereError
    given = {name: _moved(getattr(value, name), d) for name, d in record.fields.items()}
    return record.cls(**{**record.constants, **given})
