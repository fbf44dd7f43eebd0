"""How fast batches come from the user's loader, with how many workers."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from raynas.errors import TaskError, in_a_line
from raynas.preflight.time_limits import each_within
from raynas.tasks.lightning.loader_collections import is_collection
from raynas.wording import counted

__all__ = ["Loading", "changed_loader", "time_loading"]

T = TypeVar("T")

_MOST = 200  # batches; the mean is known well before
_KEPT = (
    "collate_fn",
    "num_workers",
    "pin_memory",
    "timeout",
    "worker_init_fn",
)
_OF_WORKERS = ("multiprocessing_context", "persistent_workers", "prefetch_factor")


@dataclass(frozen=True)
class Loading:
    """How fast a loader is.

    Attributes:
        workers: Worker processes of the loader; 0 loads in the process that trains.
        seconds: Seconds from one batch to the next while nothing else is done; 0 after an error.
        first: Seconds until the first batch of an epoch.
        error: Why there is no time.
    """

    workers: int
    seconds: float
    first: float
    error: str = ""

    def wait(self, step: float) -> float:
        """Seconds that a training with steps of `step` seconds waits for data at each.

        Workers load while the step before computes; without them loading comes in between.
        """
        return self.seconds if self.workers == 0 else max(0.0, self.seconds - step)


def time_loading(loader: Any, batch: int, workers: int, seconds: float, patience: float) -> Loading:
    """Draw batches of `batch` examples for `seconds` from a loader like `loader`.

    A loader that `changed_loader` cannot change is timed as it is. One that hangs or raises is a
    result.
    """
    try:
        made = _like(loader, batch, workers)
        return _timed(made, workers, seconds, patience)
    except TaskError as error:
        return Loading(workers, 0.0, 0.0, str(error))
    except Exception as error:
        return Loading(workers, 0.0, 0.0, in_a_line(error))


def _timed(loader: Any, workers: int, seconds: float, patience: float) -> Loading:
    began = last = time.perf_counter()
    first, count, end = 0.0, 0, 0.0
    for _ in each_within(
        patience, _batches(loader), f"a loader with {counted(workers, 'worker')}", ahead=1
    ):
        last = time.perf_counter()
        count += 1
        if count == 1:
            first, end = last - began, last + seconds
        elif last > end or count > _MOST:
            break
    if not count:
        raise TaskError("data: the loader gives no batches")
    each = (last - began - first) / (count - 1) if count > 1 else first
    return Loading(workers, each, first)


def _batches(loader: Any) -> Iterator[Any]:
    """Batches of a few epochs, so that a small data set is enough."""
    for _ in range(3):
        yield from loader


def changed_loader(loader: Any, **changes: Any) -> Any:
    """A DataLoader that gives the same batches as `loader`, but for `changes` of its arguments.

    Args:
        loader: A torch DataLoader over a map-style data set.
        changes: Arguments of the DataLoader, such as `num_workers`. With `batch_size`, batches are
            cut anew, unless the loader has a batch sampler of its own.

    Raises:
        TaskError: `loader` is another object.
    """
    from torch.utils.data import BatchSampler, DataLoader, IterableDataset

    if not isinstance(loader, DataLoader):
        what = "several loaders" if is_collection(loader) else f"a {type(loader).__name__}"
        raise TaskError(f"data: train_dataloader() gives {what}, not a torch DataLoader")
    if isinstance(loader.dataset, IterableDataset):
        raise TaskError(
            "data: an iterable data set divides its examples among workers itself, so that other "
            "loaders may give other examples"
        )
    kept = {name: getattr(loader, name) for name in _KEPT}
    sampler, batch_sampler, kept["generator"] = _copied(
        (loader.sampler, loader.batch_sampler, loader.generator), loader.dataset
    )
    if type(batch_sampler) is BatchSampler:
        kept |= {"batch_size": loader.batch_size, "drop_last": loader.drop_last, "sampler": sampler}
    elif batch_sampler is not None:
        changes.pop("batch_size", None)
        kept["batch_sampler"] = batch_sampler
    else:
        changes.pop("batch_size", None)
        kept |= {"batch_size": None, "sampler": sampler}
    made = {**kept, **changes}
    if made["num_workers"]:
        made = {**{name: getattr(loader, name) for name in _OF_WORKERS}, **made}
    return DataLoader(loader.dataset, **made)


def _copied(samplers: T, dataset: Any) -> T:
    """Copies over the same `dataset`, so that drawing from them does not change the originals."""
    try:
        return copy.deepcopy(samplers, {id(dataset): dataset})
    except Exception:  # of a sampler that cannot be copied
        return samplers


def _like(loader: Any, batch: int, workers: int) -> Any:
    try:
        return changed_loader(loader, batch_size=batch, num_workers=workers)
    except TaskError:
        return loader
