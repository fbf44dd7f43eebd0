"""A space as a list of parameters, for libraries that do not know ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raynas import Space
from raynas.bridges.activation_conditions import decisions
from raynas.space.options import Finite

__all__ = ["FlatSpace", "Parameter"]


@dataclass(frozen=True)
class Parameter:
    """A decision; its values are numbered from 0.

    Attributes:
        name: Its path.
        values: What the numbers stand for.
        ordered: Whether they are numbers that grow.
        parents: The parameters that make it active, each with the positions that do: one of them
            suffices, and is itself active then. Empty where it is always active.
    """

    name: str
    values: tuple[Any, ...]
    ordered: bool
    parents: Mapping[str, frozenset[int]]

    def to_json(self) -> dict[str, Any]:
        """What a peer in another process is told."""
        parents = {name: sorted(positions) for name, positions in self.parents.items()}
        size = len(self.values)
        return {"name": self.name, "size": size, "ordered": self.ordered, "parents": parents}


class FlatSpace:
    """All parameters of `space`, parents first.

    Args:
        space: One whose decisions all have finitely many options.

    Raises:
        ValueError: It has others.
    """

    def __init__(self, space: Space[Any]) -> None:
        self.space = space
        self.parameters: list[Parameter] = []
        for found in decisions(space):
            if not isinstance(found.options, Finite):
                raise ValueError(f"{found.path}: {found.options} cannot be listed")
            values = found.options.values
            ordered = isinstance(values, range)
            self.parameters.append(Parameter(found.path, tuple(values), ordered, found.parents))

    def architecture(self, positions: Mapping[str, int]) -> Any:
        """The architecture of a position a parameter; those of inactive ones are ignored."""
        active: dict[str, Any] = {}
        taken: dict[str, int] = {}
        for parameter in self.parameters:
            parents = parameter.parents.items()
            if not parents or any(taken.get(name, -1) in those for name, those in parents):
                taken[parameter.name] = positions[parameter.name]
                active[parameter.name] = parameter.values[positions[parameter.name]]
        return self.space.from_config(active)
