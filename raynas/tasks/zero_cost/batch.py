"""What zero-cost proxies are given beside the network: a batch, and a loss on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from raynas.tasks.network_inputs import called, mapped, tensors_in

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "Batch",
    "NoScoreError",
    "Proxy",
    "first_tensor",
    "is_norm",
    "log_of",
    "training_mode",
    "weights",
]

Proxy: TypeAlias = "Callable[[nn.Module, Batch], float]"
"""From a freshly initialized network and a batch to a score, or `NoScoreError`.

It may change the network's parameters, buffers, gradients and modes, but nothing else of it.
"""


class NoScoreError(ArithmeticError):
    """A network has no such score, with the reason."""


@dataclass(frozen=True)
class Batch:
    """One batch of examples.

    Attributes:
        inputs: What the network takes, the tensors in it of shape ``(examples, ...)``.
        targets: What `loss` takes beside the output; None for random classes.
        loss: Loss function of output and targets; None for cross entropy.
    """

    inputs: tuple[Any, ...]
    targets: Any = None
    loss: Callable[[Any, Any], Tensor] | None = None

    def loss_of(self, network: nn.Module) -> Tensor:
        """The loss of `network` on the batch, as a scalar that can be differentiated."""
        import torch

        output = called(network, self.inputs)
        if self.loss is not None:
            return self.loss(output, self.targets)
        output = first_tensor(output)
        targets = self.targets
        if targets is None:
            shape = (output.shape[0], *output.shape[2:])
            targets = torch.randint(output.shape[1], shape, device=output.device)
        return torch.nn.functional.cross_entropy(output, targets)

    @property
    def examples(self) -> int:
        """Number of examples."""
        return len(next(tensors_in(self.inputs)))

    def with_floats(self, function: Callable[[Tensor], Tensor]) -> tuple[Any, ...]:
        """The inputs with `function` of each tensor of floating point.

        Raises:
            NoScoreError: There is none.
        """
        if not any(tensor.is_floating_point() for tensor in tensors_in(self.inputs)):
            raise NoScoreError("inputs of whole numbers: this proxy needs inputs of floating point")
        return self.changed(function)

    def changed(self, function: Callable[[Tensor], Tensor]) -> tuple[Any, ...]:
        """The inputs with `function` of each tensor of floating point, if there are any."""

        def change(tensor: Tensor) -> Tensor:
            return function(tensor) if tensor.is_floating_point() else tensor

        return tuple(mapped(change, value) for value in self.inputs)


def first_tensor(output: Any) -> Tensor:
    """The first tensor in what a network puts out: a tensor, or tuples, lists and dicts of such.

    Raises:
        NoScoreError: There is none.
    """
    found = next(tensors_in(output), None)
    if found is None:
        raise NoScoreError(f"the network puts out a {type(output).__name__} without a tensor in it")
    return found


def log_of(value: float, what: str) -> float:
    """The natural logarithm of `value`.

    Raises:
        NoScoreError: It is not above 0; the message names it as `what`.
    """
    if not value > 0:
        raise NoScoreError(f"{what} is {value:g}, which has no logarithm")
    return math.log(value)


def training_mode(network: nn.Module) -> nn.Module:
    """`network` normalizing by the batch, but without dropout, whose chance is of no interest."""
    from torch.nn.modules.dropout import _DropoutNd

    network.train()
    for module in network.modules():
        if isinstance(module, _DropoutNd):
            module.eval()
    return network


def weights(network: nn.Module) -> Iterator[Tensor]:
    """The parameters of two dimensions or more: no biases and no scales of normalization."""
    return (parameter for parameter in network.parameters() if parameter.dim() >= 2)


def is_norm(module: nn.Module) -> bool:
    """Whether `module` is one of torch's normalization layers."""
    from torch import nn
    from torch.nn.modules.batchnorm import _NormBase

    return isinstance(module, _NormBase | nn.LayerNorm | nn.GroupNorm | nn.RMSNorm)
