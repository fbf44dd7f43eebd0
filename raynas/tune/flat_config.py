"""Nested configs as Tune flattens them in results: keys joined by slashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["config_of", "flat"]

_CONFIG = "config/"


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` with the keys of dicts in it joined by slashes."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            found |= {f"{key}/{inner}": entry for inner, entry in flat(value).items()}
        else:
            found[str(key)] = value
    return found


def config_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """The trial's config in a flat `result`."""
    return {k.removeprefix(_CONFIG): v for k, v in result.items() if k.startswith(_CONFIG)}
