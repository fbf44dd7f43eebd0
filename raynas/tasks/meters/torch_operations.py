"""The operations that a network's forward pass runs, one by one, without computing anything."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from raynas.tasks.meters.flop_counter import countable
from raynas.tasks.network_inputs import called

__all__ = ["TorchOperation", "operations_of"]


@dataclass(frozen=True)
class TorchOperation:
    """One of ATen's operations, with what its speed depends on.

    Attributes:
        name: ATen's name.
        elements: How many numbers it puts out.
        products: Multiplications of a convolution or a product of matrices; 0 for the others.
        channels: The first two sizes of a convolution's weight; of a product of matrices, the last
            size of what it puts out and the one that is summed over.
        kernel: Size of a convolution's kernel.
        stride: Product of its strides.
        dilation: Product of its dilations.
        groups: Groups of the convolution.
    """

    name: str
    elements: int
    products: int = 0
    channels: tuple[int, int] = (1, 1)
    kernel: tuple[int, ...] = ()
    stride: int = 1
    dilation: int = 1
    groups: int = 1

    @property
    def label(self) -> str:
        """Name of the operation, with a convolution's kernel and whether it is grouped."""
        if not self.kernel:
            return self.name
        grouped = " grouped" if self.groups > 1 else ""
        return f"{self.name} {'x'.join(map(str, self.kernel))}{grouped}"

    @property
    def sizes(self) -> tuple[float, ...]:
        """The logarithms of its sizes."""
        numbers = (
            self.elements,
            *self.channels,
            math.prod(self.kernel),
            self.stride,
            self.dilation,
            self.groups,
        )
        return tuple(math.log(max(number, 1)) for number in numbers)


def operations_of(network: Any, inputs: tuple[Any, ...]) -> Counter[TorchOperation]:
    """How often `network` runs each operation on `inputs`, but for views."""
    found: Counter[TorchOperation] = Counter()
    with countable(), _watching(found):
        called(network, inputs)
    return found


def _watching(found: Counter[TorchOperation]) -> Any:
    """A mode of torch that counts what is run."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            del types
            output = func(*args, **(kwargs or {}))
            operation = None if _is_view(func) else _operation(func, args, output)
            if operation is not None:
                found[operation] += 1
            return output

    return Watch()  # type: ignore[no-untyped-call]


def _is_view(func: Any) -> bool:
    returned = func._schema.returns
    aliased = bool(returned) and all(one.alias_info is not None for one in returned)
    return aliased and not func._schema.is_mutable


def _operation(func: Any, args: tuple[Any, ...], output: Any) -> TorchOperation | None:
    """The operation that was run; None where it puts out no tensor."""
    import torch

    first = output[0] if isinstance(output, tuple | list) and output else output
    if not isinstance(first, torch.Tensor):
        return None
    name, elements = func.overloadpacket.__name__, first.numel()
    if name == "convolution":
        weight, stride, dilation, groups = args[1], args[3], args[5], args[8]
        return TorchOperation(
            name,
            elements,
            elements * weight[0].numel(),
            (weight.shape[0], weight.shape[1]),
            tuple(weight.shape[2:]),
            math.prod(stride),
            math.prod(dilation),
            groups,
        )
    if name in _INNER:
        inner = args[_INNER[name]].shape[-1]
        return TorchOperation(name, elements, elements * inner, (first.shape[-1], inner))
    return TorchOperation(name, elements)


_INNER = {"mm": 0, "bmm": 0, "addmm": 1, "baddbmm": 1, "mv": 0, "addmv": 1}
"""Products of matrices, with the argument whose last dimension is summed over."""
