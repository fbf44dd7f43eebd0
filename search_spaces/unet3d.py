"""3-D U-Net for volumes: depth, widths, kinds of blocks, kernel shapes, normalization.

Çiçek et al. 2016, "3D U-Net: Learning Dense Volumetric Segmentation from Sparse Annotation",
MICCAI, section 2. A level has two convolutions down and two up; on the way down the first one keeps
half of the channels. Convolutions pad, so that the output has the input's resolution. Beyond the
paper, kernels can be flat or in two parts (Qiu, Yao and Mei 2017, "Learning Spatio-Temporal
Representation with Pseudo-3D Residual Networks", ICCV, section 3.1), and volumes with few slices
can be pooled within slices only (Isensee et al. 2021, "nnU-Net", Nature Methods, methods).

A level has 2 kinds * 3 kernels * 2 poolings * 2 skips = 24 forms and the bottom 2 * 3 = 6, so 1 to
4 levels, 3 widths, 2 growths, 3 normalizations and 2 ways up make
3 * 2 * 3 * 2 * 6 * (24 + 24 ** 2 + 24 ** 3 + 24 ** 4) = 74,779,200 architectures.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from raynas.space import choice, repeat, searchable
from search_spaces.layers import Residual, round_channels

__all__ = ["BASELINE", "Block3d", "Level3d", "UNet3d"]

KERNELS = {"full": ((3, 3, 3),), "flat": ((1, 3, 3),), "split": ((1, 3, 3), (3, 1, 1))}
"""Kernel shapes (depth, height, width), one after another."""
POOLINGS = {"all": (2, 2, 2), "in_slices": (1, 2, 2)}


@searchable
class Block3d:
    """Two convolutions, plain or with a residual connection around them."""

    kind: str = choice("plain", "residual")
    kernel: str = choice("full", "flat", "split")

    def build(self, in_channels: int, middle: int, out_channels: int, norm: str) -> nn.Module:
        """A module that keeps the resolution, with `middle` channels in between."""
        body = nn.Sequential(
            self._conv(in_channels, middle, norm), self._conv(middle, out_channels, norm)
        )
        if self.kind == "plain":
            return body
        if in_channels == out_channels:
            return Residual(body)
        return Residual(body, nn.Conv3d(in_channels, out_channels, 1, bias=False))

    def _conv(self, in_channels: int, out_channels: int, norm: str) -> nn.Module:
        layers: list[nn.Module] = []
        for shape in KERNELS[self.kernel]:
            depth, height, width = shape
            padding = (depth // 2, height // 2, width // 2)
            layers.append(nn.Conv3d(in_channels, out_channels, shape, padding=padding, bias=False))
            in_channels = out_channels
        return nn.Sequential(*layers, _norm(norm, out_channels), nn.ReLU())


@searchable
class Level3d(Block3d):
    """One resolution: the same kind of block down and up, the pooling below, and the skip."""

    pooling: str = choice("all", "in_slices")
    skip: str = choice("concat", "add")


@searchable
class UNet3d:
    """Levels from the finest down.

    Attributes:
        channels: Channels of the finest level.
        growth: Multiple of the channels from level to level.
        norm: Normalization after each convolution.
        upsampling: How resolution is regained.
        levels: The levels above the bottom.
        bottom: The block at the coarsest resolution.
    """

    channels: int = choice(16, 32, 64)
    growth: float = choice(1.5, 2.0)
    norm: str = choice("batch", "instance", "group")
    upsampling: str = choice("transposed", "trilinear")
    levels: tuple[Level3d, ...] = repeat(Level3d, 1, 4)
    bottom: Block3d = choice(Block3d)

    def build(self, *, in_channels: int = 3, num_classes: int = 3, width: float = 1.0) -> nn.Module:
        """A module from volumes ``(N, in_channels, D, H, W)`` to scores ``(N, num_classes, ...)``.

        Args:
            in_channels: Channels of the volumes.
            num_classes: Number of scores a voxel.
            width: Multiple of all channels, rounded to multiples of 8.
        """
        widths = [
            round_channels(self.channels * self.growth**level * width, divisor=8)
            for level in range(len(self.levels) + 1)
        ]
        module = self.bottom.build(widths[-2], widths[-1] // 2, widths[-1], self.norm)
        for index in reversed(range(len(self.levels))):
            before = widths[index - 1] if index > 0 else in_channels
            module = _LevelModule(self, index, module, before, widths[index], widths[index + 1])
        return nn.Sequential(module, nn.Conv3d(widths[0], num_classes, 1))


class _LevelModule(nn.Module):
    """Down, through all that lies `below`, and up again: `channels` at the input's resolution."""

    def __init__(
        self,
        architecture: UNet3d,
        index: int,
        below: nn.Module,
        in_channels: int,
        channels: int,
        channels_below: int,
    ) -> None:
        super().__init__()
        level, norm = architecture.levels[index], architecture.norm
        pooling = POOLINGS[level.pooling]
        self.concat = level.skip == "concat"
        risen = channels_below if self.concat else channels
        self.encode = level.build(in_channels, channels // 2, channels, norm)
        self.down = nn.MaxPool3d(pooling, ceil_mode=True)
        self.below = below
        self.transposed = architecture.upsampling == "transposed"
        if self.transposed:
            self.up: nn.Module = nn.ConvTranspose3d(
                channels_below, risen, pooling, stride=pooling, bias=False
            )
        elif risen == channels_below:
            self.up = nn.Identity()
        else:
            self.up = nn.Conv3d(channels_below, risen, 1, bias=False)
        joined = risen + channels if self.concat else channels
        self.decode = level.build(joined, channels, channels, norm)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.encode(x)
        risen = self.up(self.below(self.down(skip)))
        depth, height, width = skip.shape[-3:]
        if self.transposed:  # an odd length is rounded up on the way down
            risen = risen[..., :depth, :height, :width]
        else:
            risen = functional.interpolate(risen, size=(depth, height, width), mode="trilinear")
        joined = torch.cat([skip, risen], dim=1) if self.concat else skip + risen
        decoded: Tensor = self.decode(joined)
        return decoded


def _norm(kind: str, channels: int) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm3d(channels)
    if kind == "instance":
        return nn.InstanceNorm3d(channels, affine=True)
    return nn.GroupNorm(4, channels)


BASELINE = UNet3d(
    channels=64,
    growth=2.0,
    norm="batch",
    upsampling="transposed",
    levels=(Level3d("plain", "full", "all", "concat"),) * 3,
    bottom=Block3d("plain", "full"),
)
"""The paper's network (figure 2)."""
