"""What an architecture's costs follow from, as numbers by name: its operations and its choices."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

from raynas.space import Space
from raynas.tasks.meters.profile import deployed_on
from raynas.tasks.meters.torch_operations import TorchOperation, operations_of
from raynas.tasks.network_building import Build
from raynas.tasks.network_inputs import inputs_on
from raynas.trials import Architecture

__all__ = ["choice_features", "operation_features"]

_INDEX = re.compile(r"\[\d+\]")


def operation_features(
    architecture: Architecture, build: Build, example: Any
) -> tuple[dict[str, float], Counter[TorchOperation]]:
    """What the network's forward pass runs, by kind of operation, and one by one.

    By kind that is ``count``, ``elements`` put out and ``products`` of each of ATen's operations,
    convolutions by their kernels, but for views; ``parameters``; and the sums of these. Nothing is
    computed: the network is built and run on torch's meta device, or where that does not work on
    the CPU.

    Raises:
        Exception: What building or running it raises on the CPU.
    """
    try:
        found, parameters = _run(
            deployed_on(architecture, build, "meta"), inputs_on(example, "meta")
        )
    except Exception:
        found, parameters = _run(deployed_on(architecture, build, "cpu"), inputs_on(example, "cpu"))
    return {**_pooled(found), "parameters": parameters}, found


def choice_features(space: Space[Any], architecture: Architecture) -> dict[str, float]:
    """What was chosen, pooled over repeated parts: how often each value, the sums of numbers."""
    found: dict[str, float] = defaultdict(float)
    for path, value in space.to_config(architecture).items():
        place = _INDEX.sub("[]", path)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[f"{place} sum"] += value
        found[f"{place}={value}"] += 1
    return dict(found)


def _pooled(operations: Counter[TorchOperation]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for operation, times in operations.items():
        sizes = {"count": 1, "elements": operation.elements, "products": operation.products}
        for what, size in sizes.items():
            if size:
                found[f"{operation.label} {what}"] += float(times * size)
                found[what] += float(times * size)
    return found


def _run(network: Any, inputs: tuple[Any, ...]) -> tuple[Counter[TorchOperation], float]:
    """What a network runs, and how many parameters it has."""
    held = [*network.parameters(), *network.buffers()]
    return operations_of(network, inputs), float(sum(tensor.numel() for tensor in held))
