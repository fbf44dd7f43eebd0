"""What an architecture's costs follow from, as numbers by name: its operations and its choices."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from raynas.space import Space
from raynas.tasks.meters.flop_counter import countable
from raynas.tasks.meters.profile import Build, deployed_on
from raynas.tasks.network_inputs import called, inputs_on
from raynas.trials import Architecture

__all__ = ["choice_features", "operation_features"]

_INDEX = re.compile(r"\[\d+\]")


def operation_features(architecture: Architecture, build: Build, example: Any) -> dict[str, float]:
    """What the network's forward pass runs, by kind of operation.

    ``count``, ``elements`` put out and ``products`` of each of ATen's operations, convolutions by
    their kernels, but for views; ``parameters``; and the sums of these. Nothing is computed: the
    network is built and run on torch's meta device, or where that does not work on the CPU.

    Raises:
        Exception: What building or running it raises on the CPU.
    """
    try:
        return _operations(deployed_on(architecture, build, "meta"), inputs_on(example, "meta"))
    except Exception:
        return _operations(deployed_on(architecture, build, "cpu"), inputs_on(example, "cpu"))


def choice_features(space: Space[Any], architecture: Architecture) -> dict[str, float]:
    """What was chosen, pooled over repeated parts: how often each value, the sums of numbers."""
    found: dict[str, float] = defaultdict(float)
    for path, value in space.to_config(architecture).items():
        place = _INDEX.sub("[]", path)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[f"{place} sum"] += value
        found[f"{place}={value}"] += 1
    return dict(found)


def _operations(network: Any, inputs: tuple[Any, ...]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    with countable(), _watching(found):
        called(network, inputs)
    held = [*network.parameters(), *network.buffers()]
    found["parameters"] = float(sum(tensor.numel() for tensor in held))
    return dict(found)


def _watching(found: dict[str, float]) -> Any:
    """A mode of torch that adds up what is run."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            del types
            output = func(*args, **(kwargs or {}))
            if not _is_view(func):
                _add(found, func, args, output)
            return output

    return Watch()  # type: ignore[no-untyped-call]


def _is_view(func: Any) -> bool:
    returned = func._schema.returns
    aliased = bool(returned) and all(one.alias_info is not None for one in returned)
    return aliased and not func._schema.is_mutable


def _add(found: dict[str, float], func: Any, args: tuple[Any, ...], output: Any) -> None:
    import torch

    first = output[0] if isinstance(output, tuple | list) and output else output
    if not isinstance(first, torch.Tensor):
        return
    name = func.overloadpacket.__name__
    elements, products = float(first.numel()), 0.0
    if name == "convolution":
        kernel = args[1]
        name = (
            f"convolution {'x'.join(map(str, kernel.shape[2:]))}{' grouped' if args[8] > 1 else ''}"
        )
        products = elements * kernel[0].numel()
    elif name in _INNER:
        products = elements * args[_INNER[name]].shape[-1]
    for what, value in (("count", 1.0), ("elements", elements), ("products", products)):
        if value:
            found[f"{name} {what}"] += value
            found[what] += value


_INNER = {"mm": 0, "bmm": 0, "addmm": 1, "baddbmm": 1, "mv": 0, "addmv": 1}
"""Products of matrices, with the argument whose last dimension is summed over."""
