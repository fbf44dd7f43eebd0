"""Loaders over a part of the examples that another loader reads, made in the way that one was."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from torch.utils.data.distributed import DistributedSampler

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

__all__ = ["EveryNth", "part_in_order", "part_of", "universe"]

Indices = NDArray[np.int64]


def universe(loader: DataLoader[Any]) -> Indices:
    """Positions of the examples that `loader` may read, in increasing order."""
    sampler = _sampler(loader)
    if isinstance(sampler, SubsetRandomSampler):
        return np.unique(np.asarray(list(sampler.indices), dtype=np.int64))
    return np.arange(len(loader.dataset))  # type: ignore[arg-type]


def part_of(loader: DataLoader[Any], positions: Indices) -> DataLoader[Any]:
    """A copy of `loader` that reads only the examples at `positions`.

    All else stays: the data set itself, batch size, collation, workers, generator, and the way of
    sampling. Random, sequential, weighted, subset and distributed samplers of torch are made anew
    over the part; any other sampler, or batch sampler, is kept and what it draws is filtered.
    """
    kept = np.sort(positions)
    batches: Any = loader.batch_sampler
    if batches is not None and type(batches) is not BatchSampler:
        return _copied(loader, batch_sampler=_FilteredBatches(batches, kept))
    sampler = _sampler_of_part(_sampler(loader), kept, len(loader.dataset))  # type: ignore[arg-type]
    if batches is None:
        return _copied(loader, sampler=sampler)
    made = BatchSampler(sampler, batches.batch_size, batches.drop_last)
    return _copied(loader, sampler=sampler, batch_sampler=made)


def part_in_order(
    loader: DataLoader[Any], positions: Indices, dataset: Any = None
) -> DataLoader[Any]:
    """A copy of `loader` that reads the examples at `positions` one after the other.

    Args:
        loader: Loader whose batch size, collation and workers are kept; nothing is dropped or
            shuffled.
        positions: Positions of the examples, in the order of reading.
        dataset: Data set of the examples; None for the loader's own data set.
    """
    sampler = _Ordered(positions.tolist())
    changed: dict[str, Any] = {"sampler": sampler, "drop_last": False}
    if loader.batch_sampler is not None:
        size = loader.batch_size or getattr(loader.batch_sampler, "batch_size", None) or 1
        changed["batch_sampler"] = BatchSampler(sampler, size, drop_last=False)
    if dataset is not None:
        changed["dataset"] = dataset
    return _copied(loader, **changed)


class EveryNth:
    """Some of the batches of a loader that cannot be read by position, such as a stream's.

    Args:
        loader: Any iterable of batches; must give the same batches at each reading.
        every: Batches of which one is held out: the last of each `every`.
        held_out: Whether to give the batches that are held out, or all others.

    Other attributes are those of `loader`.
    """

    def __init__(self, loader: Any, every: int, held_out: bool) -> None:
        self._loader = loader
        self._every = every
        self._held_out = held_out

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copy and pickle ask before there is a loader
            raise AttributeError(name)
        return getattr(self._loader, name)

    def __iter__(self) -> Iterator[Any]:
        for number, batch in enumerate(self._loader, start=1):
            if (number % self._every == 0) == self._held_out:
                yield batch

    def __len__(self) -> int:
        held_out = len(self._loader) // self._every
        return held_out if self._held_out else len(self._loader) - held_out


class _Ordered(Sampler[int]):
    """The given positions, in the given order."""

    def __init__(self, positions: Sequence[int]) -> None:
        self.positions = positions

    def __iter__(self) -> Iterator[int]:
        return iter(self.positions)

    def __len__(self) -> int:
        return len(self.positions)


class _Mapped(Sampler[int]):
    """Positions in a part, drawn by a sampler over 0 … n-1, as positions in the whole."""

    def __init__(self, inner: Any, positions: Indices) -> None:
        self.inner = inner
        self.positions = positions

    def __iter__(self) -> Iterator[int]:
        for index in self.inner:
            yield int(self.positions[index])

    def __len__(self) -> int:
        return len(self.inner)

    def set_epoch(self, epoch: int) -> None:
        """Hand the epoch on to a sampler that wants it, as `DistributedSampler` does."""
        if hasattr(self.inner, "set_epoch"):
            self.inner.set_epoch(epoch)


class _Filtered(Sampler[int]):
    """What a sampler draws, without the positions that are not kept.

    An epoch always has the same number of draws: the sampler's own, times the kept share; the
    sampler is gone through again where it gives fewer.
    """

    def __init__(self, inner: Any, kept: Indices, whole: int) -> None:
        self.inner = inner
        self.kept = frozenset(kept.tolist())
        self.share = len(kept) / whole

    def __iter__(self) -> Iterator[int]:
        passes = chain.from_iterable(repeat(self.inner))
        return islice((index for index in passes if index in self.kept), len(self))

    def __len__(self) -> int:
        return max(1, round(self.share * len(self.inner)))

    def set_epoch(self, epoch: int) -> None:
        """Hand the epoch on to a sampler that wants it."""
        if hasattr(self.inner, "set_epoch"):
            self.inner.set_epoch(epoch)


class _FilteredBatches(Sampler[list[int]]):
    """The batches of a batch sampler, without the positions that are not kept, nor empty ones."""

    def __init__(self, inner: Any, kept: Indices) -> None:
        self.inner = inner
        self.kept = frozenset(kept.tolist())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)

    def __iter__(self) -> Iterator[list[int]]:
        passes = chain.from_iterable(repeat(self.inner))
        batches = ([index for index in batch if index in self.kept] for batch in passes)
        return islice((batch for batch in batches if batch), len(self))

    def __len__(self) -> int:
        return len(self.inner)


def _sampler(loader: DataLoader[Any]) -> Any:
    """What draws the positions: the batch sampler's own, where the user gave a batch sampler."""
    if loader.batch_sampler is None:
        return loader.sampler
    return getattr(loader.batch_sampler, "sampler", None)


def _sampler_of_part(sampler: Any, kept: Indices, whole: int) -> Sampler[int]:
    local = range(len(kept))

    def scaled(count: int) -> int:
        return max(1, round(count * len(kept) / whole))

    match type(sampler):
        case kind if kind is SequentialSampler:
            return _Ordered(kept.tolist())
        case kind if kind is RandomSampler:
            number = sampler._num_samples
            return _Mapped(
                RandomSampler(
                    local,
                    replacement=sampler.replacement,
                    num_samples=None if number is None else scaled(number),
                    generator=sampler.generator,
                ),
                kept,
            )
        case kind if kind is SubsetRandomSampler:
            return SubsetRandomSampler(kept.tolist(), generator=sampler.generator)
        case kind if kind is WeightedRandomSampler:
            return _Mapped(
                WeightedRandomSampler(
                    sampler.weights[kept],
                    min(scaled(sampler.num_samples), len(kept))
                    if not sampler.replacement
                    else scaled(sampler.num_samples),
                    replacement=sampler.replacement,
                    generator=sampler.generator,
                ),
                kept,
            )
        case kind if kind is DistributedSampler:
            inner: Any = DistributedSampler(
                local,  # type: ignore[arg-type]
                num_replicas=sampler.num_replicas,
                rank=sampler.rank,
                shuffle=sampler.shuffle,
                seed=sampler.seed,
                drop_last=sampler.drop_last,
            )
            return _Mapped(inner, kept)
    return _Filtered(sampler, kept, whole)


def _copied(loader: DataLoader[Any], **changed: Any) -> DataLoader[Any]:
    """A copy of `loader` with other attributes, whatever its class's constructor takes."""
    made = copy.copy(loader)
    made._iterator = None
    for name, value in changed.items():
        object.__setattr__(made, name, value)  # past DataLoader's own guard
    return made
