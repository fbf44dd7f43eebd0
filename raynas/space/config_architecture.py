"""Read an architecture out of a mapping that holds more than it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from raynas.space.space import Space

__all__ = ["architecture_in"]

A = TypeVar("A")


def architecture_in(config: Mapping[str, Any], space: type[A] | Space[A]) -> A:
    """The architecture that a Tune trial's `config` holds, beside constants and the trial's number.

    Args:
        config: Config as a trainable gets it where `NASSearcher` searches `space`.
        space: A searchable class, or its `Space`.

    Raises:
        SpaceError: A decision is missing or has an unknown option.
    """
    known = Space.of(space)
    paths = {column.path for column in known.columns}
    return known.from_config({path: value for path, value in config.items() if path in paths})
