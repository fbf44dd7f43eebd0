"""What zero-cost proxies are given beside the network: a batch, and a loss on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from raynas.errors import TaskError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Batch", "Proxy", "first_tensor", "floor_log", "is_norm", "training_mode", "weights"]

Proxy: TypeAlias = "Callable[[nn.Module, Batch], float]"
"""From a freshly initialised network and a batch to a score.

It may change the network's parameters, buffers, gradients and modes, but nothing else of it.
"""

_SMALLEST = 2.2250738585072014e-308  # of the normal doubles


@dataclass(frozen=True)
class Batch:
    """One batch of examples.

    Attributes:
        inputs: What the network takes, each of shape ``(examples, ...)``.
        targets: What `loss` takes beside the output; None for random classes.
        loss: Of output and targets; cross entropy where it is None.
    """

    inputs: tuple[Tensor, ...]
    targets: Any = None
    loss: Callable[[Any, Any], Tensor] | None = None

    def loss_of(self, network: nn.Module) -> Tensor:
        """The loss of `network` on the batch, as a scalar that can be differentiated."""
        import torch

        output = network(*self.inputs)
        if self.loss is not None:
            return self.loss(output, self.targets)
        output = first_tensor(output)
        targets = self.targets
        if targets is None:
            shape = (output.shape[0], *output.shape[2:])
            targets = torch.randint(output.shape[1], shape, device=output.device)
        return torch.nn.functional.cross_entropy(output, targets)

    def float_inputs(self) -> tuple[Tensor, ...]:
        """The inputs, for a proxy that differentiates by them or adds noise to them.

        Raises:
            TaskError: None of them is of floating point.
        """
        if not any(tensor.is_floating_point() for tensor in self.inputs):
            raise TaskError("inputs of whole numbers: this proxy needs inputs of floating point")
        return self.inputs


def first_tensor(output: Any) -> Tensor:
    """The first tensor in what a network puts out: a tensor, or tuples, lists and dicts of such."""
    import torch

    while not isinstance(output, torch.Tensor):
        output = next(iter(output.values() if isinstance(output, dict) else output))
    return output


def floor_log(value: float) -> float:
    """The natural logarithm of `value`, or of the smallest double where that is larger."""
    import math

    return math.log(max(value, _SMALLEST))


def training_mode(network: nn.Module) -> nn.Module:
    """`network` normalising by the batch, but without dropout, whose chance is of no interest."""
    from torch.nn.modules.dropout import _DropoutNd

    network.train()
    for module in network.modules():
        if isinstance(module, _DropoutNd):
            module.eval()
    return network


def weights(network: nn.Module) -> Iterator[Tensor]:
    """The parameters of two dimensions or more: no biases and no scales of normalisation."""
    return (parameter for parameter in network.parameters() if parameter.dim() >= 2)


def is_norm(module: nn.Module) -> bool:
    """Whether `module` is one of torch's normalisation layers."""
    from torch import nn
    from torch.nn.modules.batchnorm import _NormBase

    return isinstance(module, _NormBase | nn.LayerNorm | nn.GroupNorm | nn.RMSNorm)
