"""What a trial may change of torch's state in its process; see `process_state`."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

import torch
import torch.distributed
import torch.multiprocessing

from raynas.tasks.process_setting import ProcessSetting, attribute

__all__ = ["SETTINGS", "SHARED"]

_FLAGS = {
    "cudnn": (torch.backends.cudnn, ("enabled", "benchmark", "deterministic")),
    "mkldnn": (torch.backends.mkldnn, ("enabled", "deterministic")),
    "cuda.matmul": (
        torch.backends.cuda.matmul,
        (
            "allow_fp16_reduced_precision_reduction",
            "allow_bf16_reduced_precision_reduction",
        ),
    ),
    "deterministic": (torch.utils.deterministic, ("fill_uninitialized_memory",)),
}
_PRECISIONS: tuple[Any, ...] = tuple(
    owner
    for owner in (
        torch.backends,
        torch.backends.cudnn,
        getattr(torch.backends.cudnn, "conv", None),
        getattr(torch.backends.cudnn, "rnn", None),
        torch.backends.cuda.matmul,
        getattr(torch.backends.mkldnn, "matmul", None),
        getattr(torch.backends.mkldnn, "conv", None),
        getattr(torch.backends.mkldnn, "rnn", None),
    )
    if hasattr(owner, "fp32_precision")
)
_ATTENTION = ("flash", "mem_efficient", "math", "cudnn")


def _read_precision() -> dict[str, Any]:
    """TF32 and its relatives, in the words of torch's older interface and of its newer one."""
    found: dict[str, Any] = {"new": [owner.fp32_precision for owner in _PRECISIONS]}
    with suppress(RuntimeError):  # what was set through the newer one need not have older words
        found["matmul"] = torch.get_float32_matmul_precision()
    with suppress(RuntimeError):
        found["cudnn"] = torch.backends.cudnn.allow_tf32
    return found


def _write_precision(values: dict[str, Any]) -> None:
    if "matmul" in values:
        torch.set_float32_matmul_precision(values["matmul"])
    if "cudnn" in values:
        torch.backends.cudnn.allow_tf32 = values["cudnn"]
    for owner, value in zip(_PRECISIONS, values["new"], strict=True):
        owner.fp32_precision = value


def _attention(kind: str) -> ProcessSetting:
    """Whether scaled dot-product attention may be computed in the way `kind`."""
    return ProcessSetting(
        getattr(torch.backends.cuda, f"{kind}_sdp_enabled"),
        getattr(torch.backends.cuda, f"enable_{kind}_sdp"),
    )


def _read_deterministic() -> tuple[bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )


def _has_process_group() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def _end_process_group(before: bool) -> None:
    if not before:
        torch.distributed.destroy_process_group()


def _compiled() -> int:
    """How many graphs `torch.compile` has made in this process."""
    utils = sys.modules.get("torch._dynamo.utils")
    return 0 if utils is None else int(utils.counters["stats"]["unique_graphs"])


def _forget_compiled(before: int) -> None:
    """Drop compiled code, as in a new process.

    A function that was compiled for eight architectures is no longer compiled for the next one.
    """
    del before
    torch.compiler.reset()


def _read_memory_fraction() -> float:
    """The share of a GPU's memory that this process may use."""
    read = getattr(torch.cuda, "get_per_process_memory_fraction", None)  # since torch 2.8
    in_use = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return float(read()) if read is not None and in_use else 1.0


SHARED = {
    "torch's default dtype": ProcessSetting(torch.get_default_dtype, torch.set_default_dtype),
    "torch's default device": ProcessSetting(
        torch.get_default_device,
        lambda device: torch.set_default_device(None if device.type == "cpu" else device),
    ),
    "anomaly mode": ProcessSetting(
        lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
        lambda value: torch.autograd.set_detect_anomaly(*value),
    ),
    "float32 precision": ProcessSetting(_read_precision, _write_precision),
    "deterministic algorithms": ProcessSetting(
        _read_deterministic,
        lambda value: torch.use_deterministic_algorithms(value[0], warn_only=value[1]),
    ),
    **{
        f"torch's {group}.{name}": attribute(owner, name)
        for group, (owner, names) in _FLAGS.items()
        for name in names
        if hasattr(owner, name)
    },
    **{f"{kind} attention": _attention(kind) for kind in _ATTENTION},
}
SETTINGS = {
    **SHARED,
    "compiled code": ProcessSetting(_compiled, _forget_compiled),
    "GPU memory fraction": ProcessSetting(
        _read_memory_fraction,
        lambda share: torch.cuda.set_per_process_memory_fraction(share),
    ),
    "grad mode": ProcessSetting(torch.is_grad_enabled, torch.set_grad_enabled),
    "torch's threads": ProcessSetting(torch.get_num_threads, torch.set_num_threads),
    "sharing strategy": ProcessSetting(
        torch.multiprocessing.get_sharing_strategy, torch.multiprocessing.set_sharing_strategy
    ),
    "process group": ProcessSetting(_has_process_group, _end_process_group),
}
