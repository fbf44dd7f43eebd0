"""Architectures as vectors, and as graphs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.errors import SpaceError
from raynas.space.decisions import Decisions
from raynas.space.options import Column, Finite, Interval
from raynas.wording import counted

__all__ = ["Graph", "coordinates", "graphs", "indices", "one_hot"]


@dataclass(frozen=True)
class Graph:
    """A directed acyclic graph of operations, for surrogates that can use one.

    A searchable class that declares a cell gives it in a method ``graph(self) -> Graph``.

    Attributes:
        labels: The operation of each node; node 0 is the input, the last one the output.
        edges: Pairs of nodes, from the smaller number to the larger.

    Raises:
        SpaceError: An edge does not lead from an earlier node to a later one.
    """

    labels: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        for start, end in self.edges:
            if not 0 <= start < end < len(self.labels):
                raise SpaceError(
                    f"edge {(start, end)} of a graph of {counted(len(self.labels), 'node')}: edges "
                    "lead from an earlier node to a later one"
                )

    @property
    def adjacency(self) -> NDArray[np.bool_]:
        """Whether an edge leads from the row's node to the column's, shape ``(nodes, nodes)``."""
        matrix = np.zeros((len(self.labels), len(self.labels)), dtype=np.bool_)
        for edge in self.edges:
            matrix[edge] = True
        return matrix

    def paths(self) -> Iterator[str]:
        """The labels along each path from the input to the output, ends left out."""
        yield from self._paths(0, "")

    def _paths(self, node: int, before: str) -> Iterator[str]:
        last = len(self.labels) - 1
        for start, end in self.edges:
            if start == node and end == last:
                yield before or "direct"
            elif start == node:
                label = self.labels[end]
                yield from self._paths(end, f"{before}>{label}" if before else label)


def graphs(architecture: object) -> Iterator[Graph]:
    """The graphs that `architecture` and its parts give, outer ones first.

    Raises:
        SpaceError: A method ``graph()`` returns something else.
    """
    if callable(getattr(type(architecture), "graph", None)):
        graph = architecture.graph()  # type: ignore[attr-defined]
        if not isinstance(graph, Graph):
            raise SpaceError(
                f"{type(architecture).__name__}.graph() returned {graph!r}: must be a "
                "raynas.space.Graph"
            )
        yield graph
    if isinstance(architecture, tuple):
        for element in architecture:
            yield from graphs(element)
    elif dataclasses.is_dataclass(architecture):
        for field in dataclasses.fields(architecture):
            yield from graphs(getattr(architecture, field.name))


def indices(decisions: Decisions[Any], architecture: object) -> NDArray[np.int64]:
    """See `raynas.space.Space.encode`."""
    vector = _by_column(decisions, architecture, lambda column, code: column.index(code), -1)
    return np.array(vector, dtype=np.int64)


def coordinates(decisions: Decisions[Any], architecture: object) -> NDArray[np.float64]:
    """See `raynas.space.Space.coordinates`."""

    def place(column: Column, code: Any) -> float:
        return column.values.scaled(code) if isinstance(column.values, Interval) else code

    return np.array(_by_column(decisions, architecture, place, math.nan))


def _by_column(
    decisions: Decisions[Any],
    architecture: object,
    place: Callable[[Column, Any], float],
    inactive: float,
) -> list[float]:
    """A number a column: the index of a finite decision's answer, otherwise `place` of its code."""
    vector = [inactive] * len(decisions.columns)
    for path, options, answer in decisions.recent(architecture):
        first = decisions.positions[path]
        if isinstance(options, Finite):
            vector[first] = answer
            continue
        for position, code in enumerate(options.codes(answer), first):
            if code is not None:
                vector[position] = place(decisions.columns[position], code)
    return vector


def one_hot(decisions: Decisions[Any], architecture: object) -> NDArray[np.float64]:
    """See `raynas.space.Space.one_hot`."""
    taken = {column.path: code for column, code in decisions.codes(architecture)}
    parts: list[float] = []
    for column in decisions.columns:
        active = column.path in taken
        if isinstance(column.values, Interval):
            at = column.values.scaled(taken[column.path]) if active else 0.0
            parts += [float(active), at]
        else:
            part = [0.0] * len(column.values)
            if active:
                part[taken[column.path]] = 1.0
            parts += part
    return np.array(parts)
