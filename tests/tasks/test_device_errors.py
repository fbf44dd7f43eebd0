"""Which errors mean that memory ran out, in the words of all who allocate; and broken contexts."""

from __future__ import annotations

import errno
from typing import Any

import pytest
import torch

from raynas.tasks.device_errors import context_error, out_of_memory

GIB = 2**30


class RuntimeException(Exception):  # noqa: N818 - ONNX Runtime's name
    """As ONNX Runtime raises."""


class ResourceExhaustedError(Exception):
    """As TensorFlow raises."""


class AcceleratorError(RuntimeError):
    """As torch raises where a call of CUDA's failed."""


MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: not enough memory"
    ),
    AcceleratorError(
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"
    ),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuFFT error: CUFFT_ALLOC_FAILED"),
    RuntimeError("cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate`"),
    RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
    RuntimeError("NCCL error: unhandled cuda error. Last error: Cuda failure 2 'out of memory'"),
    RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 17179869184 bytes"),
    ResourceExhaustedError("OOM when allocating tensor with shape[4096,4096]"),
    RuntimeException("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
]
AMBIGUOUS = [
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_NOT_INITIALIZED"),
    RuntimeError("cusolver error: CUSOLVER_STATUS_INTERNAL_ERROR, when calling `cusolverDnCreate`"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
    RuntimeError("Unable to find a valid cuDNN algorithm to run convolution"),
]
OTHER = [
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"),
    RuntimeError("CUDA error: device-side assert triggered"),
    RuntimeError("CUDA error: no kernel image is available for execution on the device"),
    RuntimeError("out of resource: shared memory, Required: 131072, Hardware limit: 101376"),
    RuntimeError("DataLoader worker (pid 7) exited unexpectedly"),
    ValueError("out of memory"),
    OSError(errno.ENOSPC, "No space left on device"),
]


@pytest.mark.parametrize("error", MEMORY, ids=str)
def test_that_memory_ran_out_is_recognized(error: Exception) -> None:
    assert out_of_memory(error) is error


@pytest.mark.parametrize("error", OTHER, ids=str)
def test_other_errors_are_not(error: Exception) -> None:
    assert out_of_memory(error) is None


@pytest.mark.parametrize("error", AMBIGUOUS, ids=str)
@pytest.mark.parametrize(("free", "means_memory"), [(GIB // 4, True), (4 * GIB, False)])
def test_libraries_that_cannot_start_mean_memory_where_the_device_is_full(
    error: Exception, free: int, means_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert out_of_memory(error) is None, "this process uses no GPU"
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free, 16 * GIB))
    assert out_of_memory(error) is (error if means_memory else None)


def test_an_error_that_memory_led_to_counts_and_is_found() -> None:
    cause = torch.OutOfMemoryError("CUDA out of memory.")

    def wrapped() -> None:
        try:
            raise cause
        except RuntimeError as error:
            raise ValueError("training failed") from error

    def while_cleaning_up() -> None:
        try:
            wrapped()
        finally:
            raise KeyError("logger")

    def of_its_own() -> None:
        try:
            raise cause
        except RuntimeError:
            raise ValueError("no such layer") from None

    for work, expected in ((wrapped, cause), (while_cleaning_up, cause), (of_its_own, None)):
        with pytest.raises((ValueError, KeyError)) as caught:
            work()
        assert out_of_memory(caught.value) is expected


def test_a_chain_of_errors_that_ends_in_itself_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert out_of_memory(first) is None


def test_a_context_is_asked_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def synchronize() -> Any:
        raise RuntimeError("CUDA error: unspecified launch failure\nmore")

    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    assert context_error() == ""
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    assert context_error() == "RuntimeError: CUDA error: unspecified launch failure"
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    assert context_error() == ""
