"""What a worker minds of its device: threads, memory that ran out, memory that was not freed."""

from __future__ import annotations

import gc
import os
import sys

from raynas.errors import message_of

__all__ = ["is_out_of_memory", "leaked", "limit_threads"]

_LEAK_BYTES = 64 * 2**20
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
