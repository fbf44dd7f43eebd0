"""Measurements of architectures in a file, from which costs are predicted."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from raynas.errors import RaynasError, TaskError
from raynas.space import Space
from raynas.trials import Architecture

__all__ = ["Entry", "Measurements"]

_FORMAT = 1  # version of the file


@dataclass(frozen=True)
class Entry:
    """One architecture, and what was measured of it.

    Attributes:
        architecture: The architecture.
        value: What was measured.
        parameters: Parameters of its network, by which a changed network is noticed.
        products: Multiplications in matrix products and convolutions of a pass, checked as well.
    """

    architecture: Architecture
    value: float
    parameters: float
    products: float


@dataclass(frozen=True)
class Measurements:
    """The entries of a file.

    Attributes:
        meter: What measured, as text.
        metric: What was measured.
        entries: The measurements, in the order in which they were made.
    """

    meter: str
    metric: str
    entries: tuple[Entry, ...] = ()

    @classmethod
    def read(cls, path: Path, space: Space[Any]) -> Measurements:
        """Read a file.

        Raises:
            FileNotFoundError: There is none.
            TaskError: It is no such file, or one of another space.
        """
        text = path.read_text("utf-8")
        try:
            data = json.loads(text)
            if data["format"] != _FORMAT:
                raise TaskError(
                    f"{path}: format {data['format']!r} is of another version of raynas"
                )
            entries = [_entry(one, space) for one in data["entries"]]
            return cls(str(data["meter"]), str(data["metric"]), tuple(entries))
        except TaskError:
            raise
        except RaynasError as error:
            raise TaskError(f"{path}: measurements of another space: {error}") from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise TaskError(f"{path}: no file of measurements ({error})") from error

    def write(self, path: Path, space: Space[Any]) -> None:
        """Write the file anew, as a whole."""
        data = {
            "format": _FORMAT,
            "meter": self.meter,
            "metric": self.metric,
            "entries": [
                {
                    "architecture": json.loads(space.to_json(entry.architecture)),
                    "value": entry.value,
                    "parameters": entry.parameters,
                    "products": entry.products,
                }
                for entry in self.entries
            ],
        }
        path = path.resolve()  # a symbolic link stays
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{uuid4().hex}")
        draft.write_text(json.dumps(data, indent=1), "utf-8")
        os.replace(draft, path)

    @property
    def architectures(self) -> Sequence[Architecture]:
        """What was measured."""
        return [entry.architecture for entry in self.entries]


def _entry(data: Any, space: Space[Any]) -> Entry:
    architecture = space.from_json(json.dumps(data["architecture"]))
    values = (float(data[name]) for name in ("value", "parameters", "products"))
    return Entry(architecture, *values)
