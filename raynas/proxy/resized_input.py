"""A network that sees its input made smaller."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import interpolate

__all__ = ["Resized"]

_MODES = {3: "linear", 4: "bilinear", 5: "trilinear"}


class Resized(nn.Module):
    """Scales the sides of the first argument before `network` sees it.

    Args:
        network: Takes a tensor of shape ``(batch, channels, ...)`` with one to three sides.
        side: Length of each side, as a part of the whole.
    """

    def __init__(self, network: nn.Module, side: float) -> None:
        super().__init__()
        self.network = network
        self.side = side

    def forward(self, example: Tensor, *rest: Any) -> Any:
        """What `network` makes of the smaller input."""
        mode = _MODES.get(example.ndim)
        if mode is None or not example.is_floating_point():
            raise ValueError(
                f"input={self.side:g}: takes a floating-point tensor of 3 to 5 dimensions, "
                f"not {example.dtype} of {example.ndim}"
            )
        size = [max(1, round(self.side * length)) for length in example.shape[2:]]
        antialias = mode == "bilinear"
        smaller = interpolate(example, size, mode=mode, align_corners=False, antialias=antialias)
        return self.network(smaller, *rest)
