"""An augmentation operation, and how operations are applied to a batch with a draw per example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Operation", "apply_drawn", "random_signs"]


@dataclass(frozen=True)
class Operation:
    """A change of inputs that keeps their targets true.

    Attributes:
        name: Name of the operation.
        function: Changes a batch of shape ``(n, ...)`` by strengths of shape ``(n,)``, from 0
            (no change or hardly any) to 1 (the strongest that is usual). Its randomness comes
            from torch's global generator.
        dimensions: Number of dimensions of a batch that it takes; None for any.
        moves: Whether what is seen changes its place, so that a target with places, such as a
            segmentation mask, would no longer fit.
        relative: Whether `function` takes a third argument: the whole batch, of which the first
            argument has some examples. It is for what depends on the range or the statistics of
            the data, so that it does not depend on which examples draw the operation.
    """

    name: str
    function: Callable[..., Tensor]
    dimensions: int | None = None
    moves: bool = False
    relative: bool = False

    def __repr__(self) -> str:
        return self.name

    def applied(self, examples: Tensor, strengths: Tensor, batch: Tensor) -> Tensor:
        """`examples` of `batch`, changed by `strengths`."""
        more = (batch,) if self.relative else ()
        return self.function(examples, strengths, *more)


def apply_drawn(
    operations: Sequence[Operation], drawn: Tensor, inputs: Tensor, strengths: Tensor
) -> Tensor:
    """`inputs` with one operation applied to each example.

    Args:
        operations: What can be applied.
        drawn: Index of each example's operation, or -1 for none.
        inputs: A batch of floating-point numbers.
        strengths: Strength for each example.
    """
    changed = inputs.clone()
    for index, operation in enumerate(operations):
        rows = (drawn == index).nonzero().flatten().to(inputs.device)
        if len(rows):
            some = operation.applied(inputs[rows], strengths.to(inputs)[rows], inputs)
            changed[rows] = some.to(changed.dtype)
    return changed


def random_signs(strengths: Tensor) -> Tensor:
    """`strengths`, each with a random sign."""
    import torch

    return strengths * (torch.randint(0, 2, strengths.shape).to(strengths) * 2 - 1)
