"""Programs of a network for other runtimes, each loaded back and compared with the network."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from raynas.errors import RaynasError
from raynas.export.fresh_process import flat, seed_all
from raynas.export.verification import difference

__all__ = ["usable_inputs", "write_onnx", "write_torch"]

_TOLERANCE = 1e-3  # relative; what float32 loses through a deep network in another order of sums


def usable_inputs(network: Any, example: Any) -> tuple[Any, ...]:
    """Arguments for a batch of two that `network` takes.

    Torch takes a batch size of one for one that never changes. The second example has other values
    of the same kind, as zeros would hide differences; where the network does not take those, it is
    the first again.

    Raises:
        Exception: What the network raises on the example alone.
    """
    import torch

    parts = example if isinstance(example, tuple) else (example,)
    for other in (_varied, _same):
        inputs = tuple(_with(part, other) for part in parts)
        with suppress(Exception), torch.no_grad():
            network(*inputs)
            return inputs
    with torch.no_grad():
        network(*parts)
    return parts


def write_torch(
    path: Path, network: Any, inputs: Sequence[Any], *, any_batch: bool = True
) -> float:
    """Write the program of `torch.export`.

    Args:
        path: The file.
        network: The network, in evaluation mode.
        inputs: The arguments of its forward pass.
        any_batch: Whether it is to take batches of any size, where torch can make it do so.

    Returns:
        The largest difference between its outputs and the network's, relative to the largest.

    Raises:
        RaynasError: It computes something else, or what it computes cannot be compared.
    """
    import torch

    with _quiet():
        torch.export.save(_exported(network, inputs, any_batch), path)
        return _compared(network, torch.export.load(path).module(), inputs)


def write_onnx(path: Path, network: Any, inputs: Sequence[Any], *, any_batch: bool = True) -> float:
    """Write an ONNX model, and run it with ONNX Runtime or, without it, the reference evaluator.

    Args:
        path: The file.
        network: The network, in evaluation mode.
        inputs: The arguments of its forward pass.
        any_batch: Whether it is to take batches of any size.

    Returns:
        See `write_torch`; its outputs are compared in their order.

    Raises:
        RaynasError: See `write_torch`.
        ImportError: A package that this takes is not installed.
    """
    import onnx
    import onnxscript  # noqa: F401 - what torch writes ONNX with
    import torch

    with _quiet():
        program = torch.onnx.export(
            _exported(network, inputs, any_batch), dynamo=True, verbose=False
        )
        if program is None:
            raise RaynasError("torch made no ONNX program")
        program.save(str(path))
        onnx.checker.check_model(str(path))
        return _compared(network, _onnx_runner(path), inputs, by_order=True)


def _with(part: Any, other: Callable[[Any], Any]) -> Any:
    """`part` as a batch of its first example and of what `other` makes of that."""
    import torch

    if isinstance(part, dict):
        return {name: _with(value, other) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return type(part)([_with(value, other) for value in part])
    if not isinstance(part, torch.Tensor) or not part.ndim:
        return part
    return torch.cat([part[:1], other(part[:1])])


def _same(example: Any) -> Any:
    return example


def _varied(example: Any) -> Any:
    """A varied example: noise of the same spread, whole numbers in the opposite order."""
    import torch

    if not example.is_floating_point():
        return example.flip(tuple(range(1, example.ndim)))
    noise = torch.randn(example.shape, generator=torch.Generator().manual_seed(0)).to(example)
    spread = float(example.float().std()) if example.numel() > 1 else 0.0
    return example + noise * (spread or 1.0)


def _exported(network: Any, inputs: Sequence[Any], any_batch: bool) -> Any:
    """The program for batches of any size, or for this one where torch cannot."""
    import torch

    from raynas.quantization import deployed

    given, network = tuple(inputs), deployed(network)
    if not any_batch:
        return torch.export.export(network, given)
    try:
        return torch.export.export(network, given, dynamic_shapes=_dynamic(given))
    except Exception:
        return torch.export.export(network, given)


def _dynamic(part: Any) -> Any:
    import torch

    if isinstance(part, dict):
        return {name: _dynamic(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return type(part)([_dynamic(value) for value in part])
    batched = isinstance(part, torch.Tensor) and part.ndim
    return {0: torch.export.Dim.DYNAMIC} if batched else None


def _onnx_runner(path: Path) -> Callable[..., Any]:
    import torch
    from torch.utils import _pytree

    try:
        from onnxruntime import InferenceSession
    except ImportError:
        from onnx.reference import ReferenceEvaluator

        evaluator = ReferenceEvaluator(str(path))
        names, run = evaluator.input_names, evaluator.run
    else:
        session = InferenceSession(str(path))
        names, run = [given.name for given in session.get_inputs()], session.run

    def call(*inputs: Any) -> list[Any]:
        tensors = [t for t in _pytree.tree_leaves(list(inputs)) if isinstance(t, torch.Tensor)]
        arrays = [given.numpy() for given in tensors]
        outputs: Any = run(None, dict(zip(names, arrays, strict=True)))
        return [torch.from_numpy(output) for output in outputs]

    return call


def _compared(
    network: Any, program: Callable[..., Any], inputs: Sequence[Any], by_order: bool = False
) -> float:
    expected, again = (_seeded(network, inputs, seed) for seed in (0, 1))
    computed = _seeded(program, inputs)
    if by_order:
        expected, again, computed = map(_tensors, (expected, again, computed))
    apart = difference(expected, computed)
    if apart <= _TOLERANCE:
        return apart
    if difference(expected, again):
        raise RaynasError(
            "the network is random in evaluation mode and the program draws other numbers, so "
            "that they cannot be compared"
        )
    raise RaynasError(
        f"the program computes something else than the network (relative difference {apart:.2g})"
    )


def _seeded(call: Callable[..., Any], inputs: Sequence[Any], seed: int = 0) -> dict[str, Any]:
    import torch

    seed_all(seed)
    with torch.no_grad():
        return dict(flat(call(*inputs)))


def _tensors(outputs: dict[str, Any]) -> dict[str, Any]:
    """The tensors among `outputs`, by their order."""
    import torch

    tensors = [value for value in outputs.values() if isinstance(value, torch.Tensor)]
    return {str(index): tensor for index, tensor in enumerate(tensors)}


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence torch's advice on its own inner workings."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
