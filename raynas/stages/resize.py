"""A module that resizes images."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Resize"]


class Resize(nn.Module):
    """Images at `zoom` times their height and width, rounded."""

    def __init__(self, zoom: float) -> None:
        super().__init__()
        self.zoom = zoom

    def forward(self, images: Tensor) -> Tensor:
        """`images`, of shape ``(n, channels, height, width)``, resized bilinearly."""
        size = [max(1, round(self.zoom * length)) for length in images.shape[-2:]]
        return functional.interpolate(images, size=size, mode="bilinear")
