"""Proxies that read the gradients of one backward pass: synflow, snip and the gradient norm.

Abdelfattah et al. 2021, "Zero-Cost Proxies for Lightweight NAS", ICLR, section 3, who sum over
the weights what was meant for pruning single ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raynas.tasks.network_inputs import arguments_of
from raynas.tasks.zero_cost.batch import (
    Batch,
    NoScoreError,
    first_tensor,
    is_norm,
    log_of,
    training_mode,
    weights,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["grad_norm", "snip", "synflow"]


def grad_norm(network: nn.Module, batch: Batch) -> float:
    """Sum of the Euclidean norms of the loss's gradients, one a weight tensor (section 3.1)."""
    batch.loss_of(training_mode(network)).backward()  # type: ignore[no-untyped-call]
    return _above_zero(sum(float(grad.norm()) for _, grad in _graded(network)))


def snip(network: nn.Module, batch: Batch) -> float:
    """Sum of |gradient of the loss x weight| over all weights.

    Lee, Ajanthan and Torr 2019, "SNIP: Single-shot Network Pruning based on Connection
    Sensitivity", ICLR, equation 4, without its normalization.
    """
    batch.loss_of(training_mode(network)).backward()  # type: ignore[no-untyped-call]
    return _above_zero(sum(float((grad * weight).abs().sum()) for weight, grad in _graded(network)))


def synflow(network: nn.Module, batch: Batch) -> float:
    """Logarithm of the sum of (gradient of R x weight), where R needs no data.

    R is the sum of what the network makes of an input of ones when each parameter is replaced by
    its absolute value, without normalization layers: the product of the weights, summed over all
    paths. In double precision, since it grows exponentially with depth.

    Tanaka et al. 2020, "Pruning neural networks without any data by iteratively conserving
    synaptic flow", NeurIPS, equations 1 and 2.
    """
    import torch
    from torch.func import functional_call

    names = [name for name, parameter in network.named_parameters() if parameter.dim() >= 2]
    state = {
        name: value.detach().abs().double() if value.is_floating_point() else value
        for name, value in (*network.named_parameters(), *network.named_buffers())
    }
    flows = [state[name].requires_grad_() for name in names]
    ones = batch.changed(lambda tensor: torch.ones_like(tensor[:1], dtype=torch.double))
    arguments = arguments_of(network, ones)
    with _without_norms(network.eval()):
        total = first_tensor(functional_call(network, state, *arguments)).sum()
    gradients = torch.autograd.grad(total, flows, materialize_grads=True)
    pairs = zip(gradients, flows, strict=True)
    flow = sum(float((gradient * flow.detach()).sum()) for gradient, flow in pairs)
    return log_of(flow, "the flow from the input to the output")


@contextmanager
def _without_norms(network: nn.Module) -> Iterator[None]:
    """`network` with normalizations that give back what comes to them."""
    norms = [module for module in network.modules() if is_norm(module)]
    for module in norms:
        vars(module)["forward"] = _unchanged
    try:
        yield
    finally:
        for module in norms:
            del vars(module)["forward"]


def _above_zero(score: float) -> float:
    """`score`, unless no weight of the network changes the loss.

    Raises:
        NoScoreError: It is 0.
    """
    if score == 0:
        raise NoScoreError("no weight changes the loss: all gradients are 0")
    return score


def _graded(network: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """Each weight tensor that has a gradient, with it."""
    return [(weight.detach(), w) for weight in weights(network) if (w := weight.grad) is not None]


def _unchanged(value: Tensor) -> Tensor:
    return value
