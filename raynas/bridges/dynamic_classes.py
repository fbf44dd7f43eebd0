"""Searchable classes made on the fly, for spaces that were declared elsewhere."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from raynas.errors import ConfigurationError, SpaceError
from raynas.space import Space, searchable

__all__ = ["Literal", "field_names", "host", "made", "name_of", "names_of", "option", "refusal"]

_NAMES = "__host_names__"
_RESERVED = ("graph", "is_feasible")  # methods with which a searchable class says something


@dataclass(frozen=True)
class Literal:
    """An option that cannot be hashed, such as a list; two of them are equal if they print alike.

    Attributes:
        text: How it prints, which is its label.
        value: The option.
    """

    text: str
    value: Any = field(compare=False)

    def __repr__(self) -> str:
        return self.text


def option(value: Any) -> Any:
    """`value` as an option of a choice: itself, or a `Literal` where it cannot be hashed."""
    try:
        hash(value)
    except TypeError:
        return Literal(repr(value), value)
    return value


def field_names(keys: Iterable[Any]) -> dict[Any, str]:
    """A name for each of `keys` that a field may have; the key itself where it may be one."""
    keys = list(keys)
    names = {key: key for key in keys if isinstance(key, str) and _is_field(key)}
    taken = set(names.values())
    for key in keys:
        if key in names:
            continue
        name = re.sub(r"\W", "_", str(key), flags=re.ASCII)
        name = name if _is_field(name) else f"x{name}"
        while name in taken:
            name += "_"
        names[key] = name
        taken.add(name)
    return {key: names[key] for key in keys}


def made(
    name: str, fields: Mapping[str, Any], keys: Mapping[str, Any], **attributes: Any
) -> type[Any]:
    """A searchable class.

    Args:
        name: Name of the class, which is its label as an option.
        fields: What the functions of `raynas.space` returned, by field.
        keys: How the host calls the fields.
        attributes: Further attributes of the class.
    """
    annotations = dict.fromkeys(fields, object)
    body = {"__annotations__": annotations, "__module__": __name__, _NAMES: dict(keys)}
    return searchable(type(name, (), {**body, **attributes, **fields}))


def names_of(cls: type[Any]) -> Mapping[str, Any]:
    """How the host calls the fields of `cls`; empty for a class that was not `made`."""
    names: Mapping[str, Any] = getattr(cls, _NAMES, {})
    return names


def name_of(space: Space[Any], path: str) -> str:
    """How the host calls the decision at `path`."""
    return str(names_of(space.root).get(path.rpartition(".")[2], path))


def refusal(what: str, reason: str, fix: str) -> SpaceError:
    """The error for something that a bridge cannot carry."""
    return SpaceError(f"{what} cannot be carried: {reason}; {fix}")


def host(module: str, extra: str) -> Any:
    """The other library's `module`.

    Raises:
        ConfigurationError: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        raise ConfigurationError(
            f"{module} is not installed: pip install 'raynas[{extra}]'"
        ) from None


def _is_field(name: str) -> bool:
    plain = name.isidentifier() and name.isascii() and not name.startswith("_")
    return plain and not keyword.iskeyword(name) and name not in _RESERVED
