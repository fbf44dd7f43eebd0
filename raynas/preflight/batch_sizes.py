"""Batches of other sizes, made of the examples of one batch, whatever a batch is."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raynas.errors import TaskError
from raynas.tasks.lightning.loader_collections import first_batch, is_collection

__all__ = ["BatchExamples", "batch_size", "moved", "resizable_batch", "resized"]


@dataclass(frozen=True)
class BatchExamples:
    """Examples, and the loader's own function that makes a batch of them.

    Attributes:
        examples: Examples of the first batch.
        collate: Makes a batch of a list of examples.
    """

    examples: Sequence[Any]
    collate: Callable[[list[Any]], Any]


@dataclass(frozen=True)
class _SeveralBatches:
    """Batches of several loaders, in a collection like theirs, which grow in proportion."""

    parts: Any


def resizable_batch(loader: Any) -> Any:
    """What `resized` makes batches of any size of, like those of `loader`.

    Of a DataLoader over a map-style data set, these are the examples of its first batch, so that
    batches of any structure, also of objects and of examples of different shapes, are made as the
    loader makes them. Of any other loader it is the first batch, of which tensors, and what holds
    them, can be resized.

    Raises:
        StopIteration: The loader gives nothing.
    """
    if is_collection(loader):
        if hasattr(loader, "iterables"):
            return resizable_batch(loader.iterables)
        if isinstance(loader, Mapping):
            return _SeveralBatches({name: resizable_batch(one) for name, one in loader.items()})
        return _SeveralBatches([resizable_batch(one) for one in loader])
    if not _collates(loader):
        return first_batch(loader)
    positions = next(iter(loader.batch_sampler))
    dataset = loader.dataset
    many = getattr(dataset, "__getitems__", None)
    found = many(positions) if many else [dataset[position] for position in positions]
    return BatchExamples(found, loader.collate_fn)


def _collates(loader: Any) -> bool:
    from torch.utils.data import DataLoader, IterableDataset

    return (
        isinstance(loader, DataLoader)
        and not isinstance(loader.dataset, IterableDataset)
        and loader.batch_sampler is not None
    )


def batch_size(batch: Any) -> int:
    """The number of examples in `batch`.

    Of a batch of several loaders, that of the first one.

    Raises:
        TaskError: It is a structure without tensors.
    """
    if isinstance(batch, BatchExamples):
        return len(batch.examples)
    if isinstance(batch, _SeveralBatches):
        return batch_size(next(iter(_values(batch.parts))))
    for part in _tensors(batch):
        if part.ndim:
            return int(part.shape[0])
    raise TaskError(f"data: a batch is a {type(batch).__name__} without tensors")


def _values(parts: Any) -> Any:
    return parts.values() if isinstance(parts, Mapping) else parts


def resized(batch: Any, size: int) -> Any:
    """`batch` with `size` examples: its own, as often as it takes.

    Args:
        batch: What `resizable_batch` gives, or a batch.
        size: Number of examples.

    Raises:
        TaskError: It is an object of a kind that is not known, whose examples cannot be separated.
    """
    import torch

    if isinstance(batch, _SeveralBatches):
        first = batch_size(batch)
        shares = {
            id(part): max(1, round(size * batch_size(part) / first))
            for part in _values(batch.parts)
        }
        if isinstance(batch.parts, Mapping):
            return {name: resized(part, shares[id(part)]) for name, part in batch.parts.items()}
        return [resized(part, shares[id(part)]) for part in batch.parts]
    if isinstance(batch, BatchExamples):
        count = len(batch.examples)
        return batch.collate([_copied(batch.examples[i % count]) for i in range(size)])
    had = batch_size(batch)
    if size == had:
        return batch
    rows = torch.arange(size) % had

    def of(part: Any) -> Any:
        if isinstance(part, torch.Tensor):
            return part[rows.to(part.device)] if part.ndim and part.shape[0] == had else part
        return part

    return _mapped(batch, of)


def _copied(example: Any) -> Any:
    """A copy, as a function that makes batches may change its examples."""
    try:
        return copy.deepcopy(example)
    except Exception:  # of an object that cannot be copied
        return example


def moved(batch: Any, device: Any) -> Any:
    """`batch` with all that can be moved on `device`."""
    return _mapped(batch, lambda part: part.to(device) if hasattr(part, "to") else part)


def _tensors(batch: Any) -> Iterator[Any]:
    if hasattr(batch, "ndim") and hasattr(batch, "device"):
        yield batch
    elif isinstance(batch, Mapping):
        for part in batch.values():
            yield from _tensors(part)
    elif isinstance(batch, tuple | list):
        for part in batch:
            yield from _tensors(part)
    elif dataclasses.is_dataclass(batch):
        for field in dataclasses.fields(batch):
            yield from _tensors(getattr(batch, field.name))


def _mapped(batch: Any, of: Callable[[Any], Any]) -> Any:
    if isinstance(batch, Mapping):
        mapped = {name: _mapped(part, of) for name, part in batch.items()}
        return mapped if isinstance(batch, dict) else type(batch)(mapped)  # type: ignore[call-arg]
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(_mapped(part, of) for part in batch))
    if isinstance(batch, tuple | list):
        return type(batch)(_mapped(part, of) for part in batch)
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        made = copy.copy(batch)
        for field in dataclasses.fields(batch):
            object.__setattr__(made, field.name, _mapped(getattr(batch, field.name), of))
        return made
    return of(batch)
