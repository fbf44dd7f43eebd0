"""U-Net for segmentation: depth, widths, blocks, up-sampling and skip connections.

Ronneberger, Fischer and Brox 2015, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", MICCAI, section 2. Unlike there, convolutions pad, so that the output has the
input's resolution, and are followed by batch normalization. A level has 3 blocks * 2 kernels * 3
skips = 18 forms, so 2 to 5 levels above a bottom of 6 forms, 4 widths, 2 growths and 3 ways up
make 4 * 2 * 3 * 6 * (18 ** 2 + 18 ** 3 + 18 ** 4 + 18 ** 5) = 288,100,800 architectures.
"""

import torch
from torch import Tensor, nn

from raynas.space import choice, repeat, searchable
from search_spaces.layers import Residual, conv_bn_act, round_channels

__all__ = ["BASELINE", "Block", "Level", "UNet"]


@searchable
class Block:
    """Two convolutions: plain, with a residual connection around them, or depthwise-separable."""

    kind: str = choice("plain", "residual", "separable")
    kernel: int = choice(3, 5)

    def build(self, in_channels: int, out_channels: int) -> nn.Module:
        """A module that keeps the resolution."""
        body = nn.Sequential(
            self._conv(in_channels, out_channels), self._conv(out_channels, out_channels)
        )
        if self.kind != "residual":
            return body
        return Residual(body, conv_bn_act(in_channels, out_channels, 1, activation=None))

    def _conv(self, in_channels: int, out_channels: int) -> nn.Module:
        if self.kind != "separable":
            return conv_bn_act(in_channels, out_channels, self.kernel)
        return nn.Sequential(
            nn.Conv2d(
                in_channels,
                in_channels,
                self.kernel,
                padding=self.kernel // 2,
                groups=in_channels,
                bias=False,
            ),
            conv_bn_act(in_channels, out_channels, 1),
        )


@searchable
class Level(Block):
    """One resolution: the same kind of block going down and up, and what passes between them."""

    skip: str = choice("concat", "add", "none")


@searchable
class UNet:
    """Levels from the finest down; each next one has half the resolution.

    Attributes:
        channels: Channels of the finest level.
        growth: Multiple of the channels from level to level.
        upsampling: How resolution is won back.
        levels: The levels above the bottom.
        bottom: The block at the coarsest resolution.
    """

    channels: int = choice(16, 32, 48, 64)
    growth: float = choice(1.5, 2.0)
    upsampling: str = choice("transposed", "bilinear", "nearest")
    levels: tuple[Level, ...] = repeat(Level, 2, 5)
    bottom: Block = choice(Block)

    def build(self, *, in_channels: int = 3, num_classes: int = 2, width: float = 1.0) -> nn.Module:
        """A module from images ``(N, in_channels, H, W)`` to scores ``(N, num_classes, H, W)``.

        Args:
            in_channels: Channels of the images.
            num_classes: Number of scores a pixel.
            width: Multiple of all channels, rounded to multiples of 4.
        """
        widths = [
            round_channels(self.channels * self.growth**level * width, divisor=4)
            for level in range(len(self.levels) + 1)
        ]
        module = self.bottom.build(widths[-2], widths[-1])
        for index in reversed(range(len(self.levels))):
            before = widths[index - 1] if index > 0 else in_channels
            module = _LevelModule(
                self.levels[index],
                module,
                self.upsampling,
                before,
                widths[index],
                widths[index + 1],
            )
        return nn.Sequential(module, nn.Conv2d(widths[0], num_classes, 1))


class _LevelModule(nn.Module):
    """Down, through all that lies `below`, and up again: `channels` at the input's resolution."""

    def __init__(
        self,
        level: Level,
        below: nn.Module,
        upsampling: str,
        in_channels: int,
        channels: int,
        channels_below: int,
    ) -> None:
        super().__init__()
        self.skip = level.skip
        self.encode = level.build(in_channels, channels)
        self.down = nn.MaxPool2d(2, ceil_mode=True)
        self.below = below
        self.up = _upsampling(upsampling, channels_below, channels)
        self.decode = level.build(2 * channels if level.skip == "concat" else channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.encode(x)
        # An odd resolution is rounded up on the way down: what is too much is cut off again.
        height, width = skip.shape[-2:]
        risen = self.up(self.below(self.down(skip)))[..., :height, :width]
        if self.skip == "concat":
            risen = torch.cat([skip, risen], dim=1)
        elif self.skip == "add":
            risen = skip + risen
        decoded: Tensor = self.decode(risen)
        return decoded


def _upsampling(kind: str, in_channels: int, out_channels: int) -> nn.Module:
    if kind == "transposed":
        return nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode=kind), nn.Conv2d(in_channels, out_channels, 1)
    )


BASELINE = UNet(
    channels=64,
    growth=2.0,
    upsampling="transposed",
    levels=(Level("plain", 3, "concat"),) * 4,
    bottom=Block("plain", 3),
)
"""The paper's network (figure 1)."""
