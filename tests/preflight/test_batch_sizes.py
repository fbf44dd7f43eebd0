"""Batches of any structure at any size: as the loader's own function would make them."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from pytorch_lightning.utilities import CombinedLoader
from small_search import Data, Module, Net
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, SequentialSampler

from raynas import LightningTask
from raynas.errors import TaskError
from raynas.preflight.batch_sizes import batch_size, resizable_batch, resized
from raynas.preflight.step_time import Steps, time_steps

Pair = namedtuple("Pair", "points label")


@dataclass
class Scene:
    """A batch as a class of a user's own, which nothing but its field names tells."""

    points: Tensor
    label: Tensor
    names: list[str]


class Graphs:
    """An object that holds examples of different sizes end to end, as graph libraries do."""

    def __init__(self, examples: list[Any]) -> None:
        self.points = torch.cat([points for points, _ in examples])
        self.label = torch.stack([label for _, label in examples])

    def to(self, device: Any) -> Graphs:
        return self


def example(index: int) -> tuple[Tensor, Tensor]:
    return torch.tensor([float(index), 1.0]), torch.tensor(index % 2)


def as_scene(examples: list[Any]) -> Scene:
    points, labels = zip(*examples, strict=True)
    return Scene(torch.stack(points), torch.stack(labels), [f"{len(p)}" for p in points])


Make = Callable[[list[Any]], Any]
Read = Callable[[Any], tuple[Tensor, Tensor]]
KINDS: dict[str, tuple[Callable[[int], Any], Make | None, Read]] = {
    "tuple": (example, None, lambda b: (b[0], b[1])),
    "dict": (
        lambda i: dict(zip(("x", "y"), example(i), strict=True)),
        None,
        lambda b: (b["x"], b["y"]),
    ),
    "nested": (
        lambda i: {"in": [{"x": example(i)[0]}, "name"], "out": (example(i)[1],)},
        None,
        lambda b: (b["in"][0]["x"], b["out"][0]),
    ),
    "named tuple": (lambda i: Pair(*example(i)), None, lambda b: (b.points, b.label)),
    "dataclass": (example, as_scene, lambda b: (b.points, b.label)),
    "object": (example, Graphs, lambda b: (b.points.reshape(-1, 2), b.label)),
    "list of examples": (
        lambda i: (torch.full((i % 3 + 1, 2), float(i)), {"label": example(i)[1]}),
        lambda examples: tuple(map(list, zip(*examples, strict=True))),
        lambda b: (
            torch.stack([x.mean(dim=0) for x in b[0]]),
            torch.stack([t["label"] for t in b[1]]),
        ),
    ),
    "numbers": (lambda i: (float(i), i % 2), None, lambda b: (
        torch.stack([b[0], b[0]], dim=1).float(), b[1])),
}  # fmt: skip


class Listed:
    def __init__(self, make: Callable[[int], Any], count: int = 40) -> None:
        self.make, self.count = make, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        return self.make(index)


def loader_of(kind: str) -> DataLoader[Any]:
    make, collate, _ = KINDS[kind]
    return DataLoader(Listed(make), batch_size=6, collate_fn=collate)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 6, 15])
def test_batches_are_those_that_the_loader_would_make(kind: str, size: int) -> None:
    make, _, read = KINDS[kind]
    loader = loader_of(kind)
    kept = resizable_batch(loader)
    assert batch_size(kept) == 6
    points, labels = read(resized(kept, size))
    expected = read(loader.collate_fn([make(i % 6) for i in range(size)]))
    torch.testing.assert_close(points, expected[0])
    torch.testing.assert_close(labels, expected[1])


@pytest.mark.parametrize("kind", KINDS)
def test_steps_of_any_batch_are_timed_at_the_size_asked_for(kind: str) -> None:
    read, seen = KINDS[kind][2], []

    class Reading(Module):
        def training_step(self, batch: Any, index: int) -> Tensor:
            pair = read(batch)
            seen.append(len(pair[1]))
            return super().training_step(pair, index)

    task = LightningTask(Reading, Data, "accuracy", 30, accelerator="cpu")
    kept = resizable_batch(loader_of(kind))
    found = time_steps(task, Steps(Net(16), 20), kept, gpu=False, seconds=0.001, patience=60)
    assert found.error == ""
    assert set(seen) == {20}


def test_a_batch_sampler_and_getitems_are_used() -> None:
    class Many(Listed):
        def __getitems__(self, positions: list[int]) -> list[Any]:
            return [self.make(position + 100) for position in positions]

    sampler = BatchSampler(SequentialSampler(range(40)), 5, drop_last=False)
    loader = DataLoader(Many(example), batch_sampler=sampler)  # type: ignore[arg-type]
    kept = resizable_batch(loader)
    assert batch_size(kept) == 5
    assert resized(kept, 7)[0][:, 0].tolist() == [100, 101, 102, 103, 104, 100, 101]


def test_a_function_that_changes_its_examples_gets_fresh_ones() -> None:
    def doubling(examples: list[Any]) -> Tensor:
        for points, _ in examples:
            points.mul_(2)
        return torch.stack([points for points, _ in examples])

    kept = resizable_batch(DataLoader(Listed(example), batch_size=3, collate_fn=doubling))  # type: ignore[arg-type]
    assert resized(kept, 6)[:, 0].tolist() == [0, 2, 4, 0, 2, 4]
    assert resized(kept, 3)[:, 0].tolist() == [0, 2, 4]


def test_batches_of_several_loaders_grow_in_proportion() -> None:
    one = DataLoader(Listed(example), batch_size=4)  # type: ignore[arg-type, var-annotated]
    other = DataLoader(Listed(example), batch_size=8)  # type: ignore[arg-type, var-annotated]
    for loaders in ({"a": one, "b": other}, CombinedLoader({"a": one, "b": other})):
        kept = resizable_batch(loaders)
        assert batch_size(kept) == 4
        found = resized(kept, 6)
        assert (len(found["a"][0]), len(found["b"][0])) == (6, 12)
    found = resized(resizable_batch([one, other]), 2)
    assert [len(batch[0]) for batch in found] == [2, 4]


def test_a_loader_that_is_read_in_order_gives_its_first_batch() -> None:
    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Any:
            return (example(index) for index in range(40))

    kept = resizable_batch(DataLoader(Stream(), batch_size=6))
    assert batch_size(kept) == 6
    assert resized(kept, 8)[0][:, 0].tolist() == [0, 1, 2, 3, 4, 5, 0, 1]
    graphs = resizable_batch(DataLoader(Stream(), batch_size=6, collate_fn=Graphs))
    with pytest.raises(TaskError, match="a batch is a Graphs without tensors"):
        resized(graphs, 8)
