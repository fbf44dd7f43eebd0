"""How fast batches come from the user's loader, with how many workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from raynas.errors import TaskError, in_a_line
from raynas.preflight.time_limits import each_within
from raynas.wording import counted

__all__ = ["Loading", "time_loading"]

_MOST = 200  # batches; the mean is known well before
_KEPT = ("collate_fn", "pin_memory", "worker_init_fn", "drop_last")


@dataclass(frozen=True)
class Loading:
    """How fast a loader is.

    Attributes:
        workers: Its worker processes; 0 loads in the process that trains.
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

    A loader that is no torch DataLoader over a map-style data set is timed as it is. One that
    hangs or raises is a result.
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


def _like(loader: Any, batch: int, workers: int) -> Any:
    from torch.utils.data import DataLoader, IterableDataset

    plain = isinstance(loader, DataLoader) and not isinstance(loader.dataset, IterableDataset)
    if not plain or loader.batch_size is None:
        return loader
    kept = {name: getattr(loader, name) for name in _KEPT}
    return DataLoader(loader.dataset, batch_size=batch, shuffle=True, num_workers=workers, **kept)
