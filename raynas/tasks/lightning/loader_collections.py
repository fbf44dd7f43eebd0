"""Data loaders as Lightning takes them: one, or a list, dictionary or CombinedLoader of several."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["batches_an_epoch", "first_batch", "is_collection", "leaves", "sized"]


def is_collection(loaders: Any) -> bool:
    """Whether `loaders` are several, rather than one."""
    return isinstance(loaders, Mapping | Sequence) or hasattr(loaders, "flattened")


def leaves(loaders: Any) -> Iterator[Any]:
    """The single loaders of a collection; of one loader, itself."""
    if hasattr(loaders, "flattened"):  # Lightning's CombinedLoader
        yield from loaders.flattened
    elif is_collection(loaders):
        for one in loaders.values() if isinstance(loaders, Mapping) else loaders:
            yield from leaves(one)
    else:
        yield loaders


def sized(loader: Any) -> bool:
    """Whether `loader` knows how many batches it gives."""
    try:
        len(loader)
    except Exception:  # whatever a data set without a length raises
        return False
    return True


def batches_an_epoch(loaders: Any, limit: int | float | None) -> float:
    """Batches of a training epoch, infinite where that is not known.

    Args:
        loaders: Data loaders as `train_dataloader` returns them.
        limit: The Trainer's `limit_train_batches`: a number, or a share of what there is.
    """
    counts = [_limited(len(one) if sized(one) else math.inf, limit) for one in leaves(loaders)]
    shortest = getattr(loaders, "_mode", None) == "min_size"
    return min(counts) if shortest else max(counts, default=0)


def _limited(count: float, limit: int | float | None) -> float:
    if limit is None or (isinstance(limit, float) and count == math.inf):
        return count
    return min(count, limit) if isinstance(limit, int) else int(count * limit)


def first_batch(loaders: Any) -> Any:
    """The first batch, of a collection one of each loader in a collection like it.

    Raises:
        StopIteration: A loader gives none.
    """
    if hasattr(loaders, "iterables"):
        return first_batch(loaders.iterables)
    if isinstance(loaders, Mapping):
        return {name: first_batch(one) for name, one in loaders.items()}
    if isinstance(loaders, list | tuple):
        return [first_batch(one) for one in loaders]
    return next(iter(loaders))
