"""What a worker minds of its machine: threads, memory that ran out, memory that was not freed."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable

from raynas.errors import message_of
from raynas.tasks.device import trim_memory
from raynas.tune.worker_monitor import used_by

__all__ = ["MainMemory", "is_out_of_memory", "leaked", "limit_threads"]

_LEAK_BYTES = 64 * 2**20
_MAIN_LEAK_BYTES = 512 * 2**20
_RISE_BYTES = 32 * 2**20
_RISES = 3
_POOLS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_WORDS = ("out of memory", "can't allocate memory", "failed to allocate", "not enough memory")


def limit_threads(cpu: float) -> None:
    """Let computations use as many threads as cores are reserved, so that trials do not fight."""
    threads = max(1, int(cpu))
    for name in _POOLS:
        os.environ.setdefault(name, str(threads))
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that a device, or the machine, has no memory left for a trial."""
    if isinstance(error, MemoryError):
        return True
    names = {cls.__name__ for cls in type(error).__mro__}
    text = message_of(error).lower()
    return "OutOfMemoryError" in names or (
        "RuntimeError" in names and any(words in text for words in _WORDS)
    )


def leaked(gpu: float) -> bool:
    """Whether a trial that is over left memory of the device allocated in this process."""
    torch = sys.modules.get("torch")
    if not gpu or torch is None or not torch.cuda.is_available():
        return False
    if torch.cuda.memory_allocated() <= _LEAK_BYTES:
        return False
    gc.collect()
    torch.cuda.empty_cache()
    return bool(torch.cuda.memory_allocated() > _LEAK_BYTES)


class MainMemory:
    """Whether the trials of this process, one after the other, leave main memory behind.

    What the first trial leaves are imports, data and caches. From then on the highest use after a
    trial may rise once or twice, as where a larger batch is cached; it is a leak when it has risen
    three times, by half a GiB together.

    Args:
        used: Bytes in use by this process and its children.
    """

    def __init__(self, used: Callable[[], int] = lambda: used_by(os.getpid())) -> None:
        self._used = used
        self._first: int | None = None
        self._highest = 0
        self._rises = 0

    def leaked(self) -> int:
        """Bytes left behind since the first trial, or 0 below a leak; called after each trial."""
        used = self._used()
        if self._first is None:
            self._first = self._highest = used
        if used <= self._highest + _RISE_BYTES:
            return 0
        gc.collect()
        trim_memory()
        used = self._used()
        if used <= self._highest + _RISE_BYTES:
            return 0
        self._highest = used
        self._rises += 1
        left = used - self._first
        return left if self._rises >= _RISES and left > _MAIN_LEAK_BYTES else 0
