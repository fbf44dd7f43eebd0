"""A network as the file that a device runs, in the format of its runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from raynas.errors import TaskError
from raynas.export.formats import write_onnx, write_torch
from raynas.tasks.network_inputs import tensors_in

__all__ = ["SUFFIXES", "write_inputs", "write_program"]

SUFFIXES = {"onnx": ".onnx", "torch": ".pt2", "executorch": ".pte", "tflite": ".tflite"}
"""Suffix of the file, by format."""

_PACKAGES = {"onnx": "'raynas[onnx]'", "executorch": "executorch", "tflite": "litert-torch"}


def write_program(path: Path, network: Any, inputs: Sequence[Any], format: str) -> None:  # noqa: A002
    """Write `network` for inputs of just these shapes.

    ONNX and `torch.export` programs are loaded back and compared with the network.

    Args:
        path: The file.
        network: The network as it is deployed, on the CPU.
        inputs: The arguments of its forward pass.
        format: Key of `SUFFIXES`.

    Raises:
        TaskError: A package that it takes is not installed.
        Exception: The network cannot be written so, or computes something else then.
    """
    try:
        _WRITERS[format](path, network, inputs)
    except ImportError as error:
        raise TaskError(
            f"format={format!r} needs {error.name}: pip install {_PACKAGES.get(format, error.name)}"
        ) from error


def write_inputs(path: Path, inputs: Sequence[Any]) -> None:
    """Write the tensors of `inputs`, in their order, as arrays ``0``, ``1``, … of an NPZ file."""
    import numpy as np

    arrays = {str(i): t.detach().cpu().numpy() for i, t in enumerate(tensors_in(tuple(inputs)))}
    np.savez(path, **arrays)  # type: ignore[arg-type] # its stubs take no names


def _write_onnx(path: Path, network: Any, inputs: Sequence[Any]) -> None:
    write_onnx(path, network, inputs, any_batch=False)


def _write_torch(path: Path, network: Any, inputs: Sequence[Any]) -> None:
    write_torch(path, network, inputs, any_batch=False)


def _write_executorch(path: Path, network: Any, inputs: Sequence[Any]) -> None:
    """Program for XNNPACK, which is ExecuTorch's CPU backend."""
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    program = torch.export.export(network, tuple(inputs))
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    path.write_bytes(lowered.to_executorch().buffer)


def _write_tflite(path: Path, network: Any, inputs: Sequence[Any]) -> None:
    import litert_torch

    litert_torch.convert(network, tuple(inputs)).export(str(path))


_WRITERS: dict[str, Callable[[Path, Any, Sequence[Any]], None]] = {
    "onnx": _write_onnx,
    "torch": _write_torch,
    "executorch": _write_executorch,
    "tflite": _write_tflite,
}
