"""A worker's threads, and the memory that trials leave behind on devices and in the machine."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable

import ray

from raynas.tasks.device import release_device_memory, trim_memory
from raynas.tasks.device_errors import context_error, cuda
from raynas.tune.worker_monitor import used_by

__all__ = ["MainMemory", "left_on_device", "limit_threads", "show_devices"]

_LEAK_BYTES = 64 * 2**20  # chosen by hand: more than the caches of CUDA's libraries
_MAIN_LEAK_BYTES = 512 * 2**20  # chosen by hand: more than the caches of a process
_RISE_BYTES = 32 * 2**20  # within the noise of allocators
_RISES = 3  # in a row: once or twice is a cache that fills
_VISIBLE = "CUDA_VISIBLE_DEVICES"
_RAY_LEAVES_VISIBLE = "RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES"
_POOLS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def limit_threads(cpu: float) -> None:
    """Let computations use as many threads as cores are reserved, so that trials do not fight."""
    threads = max(1, int(cpu))
    for name in _POOLS:
        os.environ.setdefault(name, str(threads))
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)


def show_devices(gpu: float) -> None:
    """Let this process see the GPUs that its trials reserve, and no others.

    Ray leaves all of them visible to trials that reserve none, and to all trials where it is told
    not to set the variable: each would then use the first.
    """
    if not gpu:
        os.environ[_VISIBLE] = ""
    elif os.environ.get(_RAY_LEAVES_VISIBLE, "0").lower() not in ("", "0", "false"):
        os.environ[_VISIBLE] = ",".join(map(str, ray.get_gpu_ids()))


def left_on_device() -> str:
    """Why no further trial should use a GPU in this process; empty where one may.

    Called after each trial. What torch only keeps for later is given back to the device, where
    other trials may need it.
    """
    if broken := context_error():
        return f"an earlier trial broke the CUDA context of its process ({broken})"
    if cuda() is None:
        return ""
    left = release_device_memory()
    if left > _LEAK_BYTES:
        gc.collect()
        left = release_device_memory()
    if left > _LEAK_BYTES:
        return f"an earlier trial left {left / 2**30:.1f} GiB of device memory behind"
    return ""


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
