"""Which errors mean that memory ran out, and which that a process can use its GPU no more."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from raynas.errors import in_a_line, message_of

__all__ = ["context_error", "cuda", "out_of_memory"]

_TYPES = {"OutOfMemoryError", "ResourceExhaustedError"}
_CARRIERS = {"RuntimeError", "RuntimeException"}  # the latter is ONNX Runtime's
_TEXTS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "failed to allocate",
    "not enough memory",
    "resource_exhausted",
    "_alloc_failed",  # of cuBLAS, cuDNN, cuFFT, cuSOLVER and cuSPARSE
)
_TEXTS_WHERE_FULL = (
    "_status_not_initialized",  # a library's handle takes memory where it is first used
    "cusolver_status_internal_error",
    "unable to find a valid cudnn algorithm",
    "unable to find an engine to execute this computation",
)
_FULL_BYTES = 2**29  # chosen by hand: a CUDA context takes some hundred MB


def out_of_memory(error: BaseException) -> BaseException | None:
    """What says that memory ran out: `error`, or an error that led to it; None if none does.

    Memory of a GPU or of the machine, in the words of torch, CUDA's libraries, ONNX Runtime, JAX
    and the operating system. CUDA's libraries also say that they are not initialized or know no
    algorithm where they could not allocate a workspace: this counts where the GPU is full.
    """
    return next(filter(_is_out_of_memory, _causes(error)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _is_out_of_memory(error: BaseException) -> bool:
    names = {cls.__name__ for cls in type(error).__mro__}
    if isinstance(error, MemoryError) or names & _TYPES:
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if not names & _CARRIERS:
        return False
    text = message_of(error).lower()
    if any(words in text for words in _TEXTS):
        return True
    return any(words in text for words in _TEXTS_WHERE_FULL) and _is_full()


def _is_full() -> bool:
    """Whether less than half a GiB of the current GPU is free."""
    torch = cuda()
    with suppress(RuntimeError):
        return torch is not None and torch.cuda.mem_get_info()[0] < _FULL_BYTES
    return False


def context_error() -> str:
    """What every use of the GPU fails with in this process; empty while it works.

    A kernel that read out of bounds, or failed an assertion, leaves the CUDA context of its process
    unusable for good: only a new process can use the GPU again.
    """
    torch = cuda()
    if torch is None:
        return ""
    try:
        torch.cuda.synchronize()
    except RuntimeError as error:
        return in_a_line(error)
    return ""


def cuda() -> Any:
    """torch, where this process has used a GPU through it; None elsewhere."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_initialized() else None
