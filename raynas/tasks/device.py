"""What a trial does with its device: precision, determinism, memory measured and given back."""

from __future__ import annotations

import ctypes
import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["best_precision", "deterministic", "device_memory", "trim_memory"]

_TENSOR_CORES = (7, 0)
_SELF = Path("/proc/self")
_RESET_PEAK = "5"  # proc(5), clear_refs


def best_precision(gpu: float) -> str:
    """The fastest precision, as Lightning names it, that the device computes by itself.

    bf16-mixed where a GPU has bfloat16 in hardware, else 16-mixed with loss scaling where it has
    tensor cores; 32-true on older GPUs and on CPUs.
    """
    import torch

    if not gpu:
        return "32-true"
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16-mixed"
    return "16-mixed" if torch.cuda.get_device_capability() >= _TENSOR_CORES else "32-true"


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Only deterministic algorithms of torch, where there are such; afterwards as before."""
    import torch

    if not wanted:
        yield
        return
    was = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(was, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark


@contextmanager
def device_memory(gpu: float) -> Iterator[Callable[[], dict[str, float]]]:
    """Gives a function that tells the peak since the start, as the metric ``peak_memory_bytes``.

    On a GPU it is the most that tensors took there, and all of it is given back at the end. On a
    CPU it is what the process grew by at most, where the operating system tells (Linux).
    """
    with _gpu_memory() if gpu else _cpu_memory() as peak:
        yield peak


@contextmanager
def _gpu_memory() -> Iterator[Callable[[], dict[str, float]]]:
    import torch

    try:
        torch.cuda.reset_peak_memory_stats()
        yield lambda: {"peak_memory_bytes": float(torch.cuda.max_memory_allocated())}
    finally:
        gc.collect()
        torch.cuda.empty_cache()


@contextmanager
def _cpu_memory() -> Iterator[Callable[[], dict[str, float]]]:
    trim_memory()
    start = _status("VmRSS") if _reset_peak() else None
    yield (
        lambda: (
            {}
            if start is None
            else {"peak_memory_bytes": max(0.0, (_status("VmHWM") or start) - start)}
        )
    )


def trim_memory() -> None:
    """Give the operating system what the C library keeps of freed memory."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _reset_peak() -> bool:
    try:
        (_SELF / "clear_refs").write_text(_RESET_PEAK)
    except OSError:
        return False
    return True


def _status(name: str) -> float | None:
    """A figure of this process in bytes; None where the system has none."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", (_SELF / "status").read_text(), re.M)
    except OSError:
        return None
    return float(found[1]) * 1024 if found else None
