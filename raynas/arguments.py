"""Checks of arguments: each returns the value as the plain type it stands for, or refuses it.

NumPy's scalars count as numbers, paths and enumerations of texts as texts; booleans are no numbers.
"""

from __future__ import annotations

import enum
import math
import os
from collections.abc import Collection, Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

from raynas.errors import ConfigurationError

__all__ = [
    "checked_choice",
    "checked_flag",
    "checked_function",
    "checked_items",
    "checked_mapping",
    "checked_number",
    "checked_path",
    "checked_text",
    "checked_whole",
    "refusal",
    "shown",
]

_LONGEST = 200


def shown(value: object) -> str:
    """`repr`, also of what has none, not longer than some lines."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def refusal(name: str, value: object, rule: str) -> ConfigurationError:
    """The error for an argument that breaks a rule."""
    return ConfigurationError(f"{name}={shown(value)}: must be {rule}")


def checked_whole(name: str, value: object, least: int = 0) -> int:
    """A whole number from `least` on."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise refusal(name, value, f"a whole number from {least} on")
    return int(value)


def checked_number(
    name: str,
    value: object,
    *,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
    infinite: bool = False,
) -> float:
    """A number within bounds; a whole one stays one.

    Args:
        name: Of the argument.
        value: That was given.
        above: What it must be larger than.
        least: Smallest value.
        most: Largest value.
        infinite: Whether it may be infinite.
    """
    number = value.item() if isinstance(value, np.generic) else value
    plain = isinstance(number, Real) and not isinstance(number, bool)
    if plain and not isinstance(number, int):
        try:
            number = float(number)  # type: ignore[arg-type] # a Real
        except (OverflowError, ValueError, TypeError):
            plain = False
    if not plain or not _within(number, above, least, most, infinite):
        raise refusal(name, value, _range(above, least, most))
    return number  # type: ignore[return-value] # an int or a float by now


def checked_text(name: str, value: object, rule: str = "a text") -> str:
    """A text that is not empty."""
    text = value.value if isinstance(value, enum.Enum) else value
    if not isinstance(text, str) or not text:
        raise refusal(name, value, rule)
    return str(text)


def checked_path(name: str, value: object) -> Path:
    """A path, given as a text or an object that is one."""
    place = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(place, str) or not place or "\0" in place:
        raise refusal(name, value, "a path")
    return Path(place)


def checked_flag(name: str, value: object) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise refusal(name, value, "True or False")
    return bool(value)


def checked_choice(name: str, value: object, options: Collection[str]) -> str:
    """One of some texts."""
    text = value.value if isinstance(value, enum.Enum) else value
    if not isinstance(text, str) or text not in options:
        raise refusal(name, value, f"one of {', '.join(map(repr, options))}")
    return str(text)


def checked_function(name: str, value: Any, rule: str = "a function") -> Any:
    """Something that can be called."""
    if not callable(value):
        raise refusal(name, value, rule)
    return value


def checked_items(
    name: str, value: object, of: type | tuple[type, ...], rule: str
) -> tuple[Any, ...]:
    """The items of a list or tuple, all of some type."""
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | dict):
        raise refusal(name, value, rule)
    try:
        items = tuple(value)
    except Exception as error:
        raise refusal(name, value, rule) from error
    for item in items:
        if not isinstance(item, of):
            raise ConfigurationError(f"{name} contains {shown(item)}: must be {rule}")
    return items


def checked_mapping(name: str, value: object, rule: str) -> dict[str, Any]:
    """A mapping whose keys are texts."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise refusal(name, value, rule)
    return dict(value)


def _within(
    number: Any, above: float | None, least: float | None, most: float | None, infinite: bool
) -> bool:
    return bool(
        (infinite or math.isfinite(number))
        and not math.isnan(number)
        and (above is None or number > above)
        and (least is None or number >= least)
        and (most is None or number <= most)
    )


def _range(above: float | None, least: float | None, most: float | None) -> str:
    lower = f"above {above:g}" if above is not None else f"at least {least:g}"
    if above is None and least is None:
        return "a number" if most is None else f"a number of at most {most:g}"
    return f"a number {lower}" if most is None else f"a number {lower} and at most {most:g}"
