"""A trial's device: whether there is one, precision, determinism, memory measured and released."""

from __future__ import annotations

import ctypes
import gc
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from raynas.errors import TaskError

__all__ = [
    "best_precision",
    "check_device",
    "deterministic",
    "device_memory",
    "release_device_memory",
    "trim_memory",
]

_TENSOR_CORES = (7, 0)  # compute capability of Volta, the first with tensor cores
_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
_SELF = Path("/proc/self")
_RESET_PEAK = "5"  # proc(5), clear_refs


def check_device(what: str, instead: str) -> None:
    """Check that torch finds a GPU in this process.

    Args:
        what: The argument that asks for one, with its value.
        instead: What to give where none is meant.

    Raises:
        TaskError: It finds none.
    """
    import torch

    if torch.cuda.is_available():
        return
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible == "":
        reason = "trials that reserve no GPU see none; give Resources(gpu=...)"
    else:
        built = torch.version.cuda and f"for CUDA {torch.version.cuda}"
        reason = (
            f"this build is {built or 'without CUDA'}, and CUDA_VISIBLE_DEVICES={visible!r}; "
            "`nvidia-smi` shows this machine's GPUs and the newest CUDA that its driver supports"
        )
    raise TaskError(f"{what}: torch {torch.__version__} finds no GPU: {reason}; or {instead}")


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
    """Use deterministic algorithms of torch, where there are such; afterwards as before.

    Those of cuBLAS take a workspace of fixed size, which has to be set before its first use in a
    process.
    """
    import torch

    if not wanted:
        yield
        return
    was = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    workspace = os.environ.get(_CUBLAS)
    os.environ.setdefault(_CUBLAS, ":4096:8")
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(was, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark
        if workspace is None:
            os.environ.pop(_CUBLAS, None)


@contextmanager
def device_memory(gpu: float) -> Iterator[Callable[[], dict[str, float]]]:
    """Gives a function that tells the peak since the start, as the metric ``peak_memory_bytes``.

    On a GPU it is the most that tensors and workspaces took there, and what is free again at the
    end of a trial without an error is given back to the device. On a CPU it is what the process
    grew by at most, where the operating system tells (Linux).
    """
    with _gpu_memory() if gpu else _cpu_memory() as peak:
        yield peak


@contextmanager
def _gpu_memory() -> Iterator[Callable[[], dict[str, float]]]:
    import torch

    release_device_memory()  # workspaces of earlier trials, which would count
    torch.cuda.reset_peak_memory_stats()
    yield lambda: {"peak_memory_bytes": float(torch.cuda.max_memory_allocated())}
    gc.collect()
    release_device_memory()


def release_device_memory() -> int:
    """Give back to the GPUs what torch holds there but nothing uses; the bytes that remain in use.

    The workspaces that cuBLAS keeps for each thread that used it are freed too: on Hopper, 32 MiB
    each.
    """
    import torch

    clear_workspaces = getattr(torch._C, "_cuda_clearCublasWorkspaces", None)
    if torch.cuda.is_initialized() and clear_workspaces is not None:  # type: ignore[no-untyped-call]
        clear_workspaces()
    torch.cuda.empty_cache()
    devices = range(torch.cuda.device_count())
    return sum(torch.cuda.memory_allocated(device) for device in devices)


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
