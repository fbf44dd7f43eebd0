"""Whether examples change from reading to reading, whatever classes they are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from raynas.tasks.lightning.held_out_data import changes_on_reading


@dataclass
class Graph:
    """Several tensors, as graph libraries have them."""

    nodes: torch.Tensor
    edges: torch.Tensor


class Linked:
    """A part of it knows the whole."""

    def __init__(self, values: torch.Tensor) -> None:
        self.values = values
        self.whole = self


class Slots:
    __slots__ = ("values",)

    def __init__(self, values: torch.Tensor) -> None:
        self.values = values


class Named(NamedTuple):
    graph: Graph
    weight: float


class Label:
    """Without tensors."""

    def __init__(self, text: str) -> None:
        self.text = text


MAKERS: dict[str, Callable[[torch.Tensor], Any]] = {
    "dataclass": lambda values: Graph(values, values > 0),
    "reference to itself": Linked,
    "slots": Slots,
    "named tuple": lambda values: Named(Graph(values, values), 1.0),
    "array in an object": lambda values: Slots(values.numpy()),  # type: ignore[arg-type]
    "objects in a dictionary": lambda values: {"graph": Linked(values), "name": "a"},
    "text in an object": lambda values: Label(str(values.tolist())),
    "set": lambda values: set(values.tolist()),
}


class Examples:
    """Makes each example when it is read."""

    def __init__(self, make: Callable[[torch.Tensor], Any], noise: bool) -> None:
        self.make, self.noise = make, noise

    def __len__(self) -> int:
        return 8

    def __getitem__(self, position: int) -> Any:
        values = torch.arange(3.0) + position
        return self.make(values + torch.randn(3) if self.noise else values), position


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("noise", [False, True])
def test_only_values_that_differ_count_as_a_change(name: str, noise: bool) -> None:
    assert changes_on_reading(Examples(MAKERS[name], noise), range(8)) is noise


@pytest.mark.parametrize("noise", [False, True])
def test_batches_of_objects_are_compared_by_their_values(noise: bool) -> None:
    def collate(examples: list[Any]) -> Graph:
        values = torch.stack([graph.nodes for graph, _ in examples])
        return Graph(values, torch.from_numpy(np.arange(3)))

    dataset = Examples(MAKERS["dataclass"], noise)
    assert changes_on_reading(dataset, range(8), collate) is noise
