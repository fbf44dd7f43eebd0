"""What may be given to the functions of `raynas.space.declare`: numbers and options."""

from __future__ import annotations

import math
import typing
from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any

from raynas.arguments import shown
from raynas.errors import SpaceError
from raynas.space.declaration import (
    Declared,
    has_record,
    is_alias,
    is_declaration,
    is_space,
    record_of,
)
from raynas.space.misplaced_declarations import declaration_in
from raynas.space.options import plain
from raynas.space.stateful_options import stateful_part

__all__ = ["check_several", "finite_number", "flag", "option_of", "whole_number"]

_PLAIN = (bool, int, float, str, NoneType)
_SHOWN = 60  # characters of a value in a message


def whole_number(word: str, name: str, value: Any, least: int | None = None) -> int:
    """The argument `name` of the function `word` as an int.

    Raises:
        SpaceError: It is not a whole number, or below `least`.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or (least is not None and value < least):
        rule = "a whole number" if least is None else f"a whole number from {least} on"
        raise SpaceError(f"{word}({name}={shown(value)}): {name} must be {rule}")
    return int(value)


def finite_number(word: str, name: str, value: Any) -> float:
    """The argument `name` of the function `word` as a float.

    Raises:
        SpaceError: It is not a number, or not a finite one.
    """
    value = plain(value)
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            if math.isfinite(number := float(value)):
                return number
        except OverflowError:
            pass
    raise SpaceError(f"{word}({name}={shown(value)}): {name} must be a finite number")


def flag(word: str, name: str, value: Any) -> bool:
    """The argument `name` of the function `word` as True or False.

    Raises:
        SpaceError: It is neither.
    """
    value = plain(value)
    if not isinstance(value, bool):
        raise SpaceError(f"{word}({name}={shown(value)}): {name} must be True or False")
    return value


def check_several(word: str, options: tuple[Any, ...]) -> None:
    """Refuse a single option that holds several, which were meant to be chosen from.

    Raises:
        SpaceError: It is a tuple, list, range, generator, enumeration or another iterable.
    """
    if len(options) != 1:
        return
    (option,) = options
    iterable = isinstance(option, Iterable) and not isinstance(option, str | bytes)
    if not iterable or is_declaration(option) or is_alias(option):
        return
    if stateful_part(option) is not None:
        return
    given = option.__name__ if isinstance(option, type) else _shown(option)
    spelled = f"{word}(*options)"
    if isinstance(option, type):
        spelled = f"{word}(*{given})"
    elif isinstance(option, range):
        spelled = f"{word}(*{option})" + (" or integer(...)" if word == "choice" else "")
    elif isinstance(option, tuple | list) and len(str(option)) <= _SHOWN:
        spelled = f"{word}({', '.join(map(repr, option))})"
    elif isinstance(option, Mapping):
        spelled = f"{word}(*options.values())"
    raise SpaceError(
        f"{word}() has a single option, {given}: to choose among what it holds write {spelled}; "
        "a single value needs no choice, only a default"
    )


def option_of(option: Any, word: str) -> Any:
    """A searchable class as its domain, a number of NumPy as Python's; anything else as it is.

    Raises:
        SpaceError: `option` is something else than its author believes.
    """
    if type(option) in _PLAIN:
        return option
    if isinstance(option, Declared):
        raise SpaceError(
            f"default={shown(option.default)} inside another declaration: "
            "give the field a default, not a part of it"
        )
    if is_declaration(option):
        return option
    if has_record(option):
        return record_of(option)
    _check_kind(option, word)
    if (found := declaration_in(option)) is not None:
        fix = (
            "put @searchable above the class"
            if isinstance(option, type)
            else ("give a @searchable class that has it as a field")
        )
        raise SpaceError(
            f"{word}() has the option {_shown(option)}, which has {found} inside but is not "
            f"searchable, so that it would not be searched: {fix}"
        )
    if (part := stateful_part(option)) is not None:
        kind = type(part).__name__
        raise SpaceError(
            f"{word}() has the option {_shown(option)}: all trials of a worker would share the "
            f"one {kind} object and its state, such as weights. Give the class, {word}({kind}, "
            "...), or a function that makes it, and call it in build()"
        )
    return plain(option)


def _check_kind(option: Any, word: str) -> None:
    """Refuse typing constructs, spaces and iterators."""
    if is_alias(option):
        alias = str(option).replace("typing.", "")
        raise SpaceError(
            f"{word}() has the option {alias}, a typing alias: {_unaliased(option, word)}"
        )
    if is_space(option):
        name = option.root.__name__
        raise SpaceError(f"{word}() has the option {option!r}: give the class, {word}({name}, ...)")
    if isinstance(option, Iterator):
        raise SpaceError(
            f"{word}() has the option {_shown(option)}, which can be read only once: write "
            f"{word}(*options) to choose among what it yields"
        )


def _unaliased(alias: Any, word: str) -> str:
    """How to spell what a typing construct means."""
    origin, parts = typing.get_origin(alias), typing.get_args(alias)
    if origin in (typing.Union, UnionType, typing.Literal):
        names = ["None" if p is NoneType else getattr(p, "__name__", repr(p)) for p in parts]
        inside = ", ".join(names)
        return f"write choice({inside})" if word == "choice" else f"write {word}(choice({inside}))"
    if origin is typing.Annotated:
        return f"write {word}({getattr(parts[0], '__name__', parts[0])}, ...)"
    if isinstance(origin, type):
        return f"write {word}({origin.__name__}, ...)"
    return "give values or @searchable classes"


def _shown(option: Any) -> str:
    text = option.__name__ if isinstance(option, type) else " ".join(shown(option).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
