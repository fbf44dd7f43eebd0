"""Stands in for raynas in exported code, where searchable classes are frozen dataclasses.

Everything else of raynas can be named, called and derived from here, and does nothing.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

_PARTS = frozenset(
    {
        "analysis",
        "augmentation",
        "controllers",
        "errors",
        "meters",
        "redaction",
        "report",
        "rewards",
        "space",
        "stages",
        "stopping",
        "tasks",
        "testing",
        "trials",
    }
)


class RaynasError(Exception):
    """Base of raynas's errors."""


class ConfigurationError(RaynasError):
    """An argument is wrong."""


class SpaceError(ConfigurationError):
    """A search space is declared wrongly."""


class TaskError(ConfigurationError):
    """A task is wrong."""


class StoreError(RaynasError):
    """A store cannot be read."""


class InfeasibleArchitecture(RaynasError):  # noqa: N818 - as it is called in raynas
    """This architecture cannot be built."""


class _InertType(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Inert


class Inert(metaclass=_InertType):
    """Takes part in a search and has no part in its networks."""

    __dataclass_fields__: dict[str, Any] = {}  # noqa: RUF012 - for dataclasses.replace

    def __init__(self, *given: Any, **named: Any) -> None:
        del given, named

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Nothing but itself."""
        del given, named
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self


class _Field:
    """A declared field, with the value that it has by default."""

    def __init__(self, default: Any) -> None:
        self.default = default


def choice(*given: Any, default: Any = dataclasses.MISSING, **named: Any) -> Any:
    """A field whose value the architecture gives."""
    del given, named
    return _Field(default)


integer = real = subset = repeat = shared = choice
recurse = Inert


def searchable(cls: Any) -> Any:
    """A frozen dataclass of `cls`, with its defaults."""
    for name, value in list(vars(cls).items()):
        if isinstance(value, _Field):
            delattr(cls, name)
            if value.default is not dataclasses.MISSING:
                setattr(cls, name, value.default)
    return dataclasses.dataclass(frozen=True)(cls)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return sys.modules[__name__] if name in _PARTS else Inert
