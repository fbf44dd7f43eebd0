"""The layers that several vision spaces are built from.

Functions return an ordinary `torch.nn.Sequential`; convolutions pad so that stride 1 keeps the
resolution and stride 2 halves it, rounding up.
"""

from torch import Tensor, nn

__all__ = [
    "Residual",
    "SqueezeExcite",
    "classifier",
    "conv_bn_act",
    "fused_mbconv",
    "mbconv",
    "relu_conv_bn",
    "round_channels",
]

Activation = type[nn.Module] | None


def conv_bn_act(
    in_channels: int,
    out_channels: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: Activation = nn.ReLU,
) -> nn.Sequential:
    """A convolution without bias, batch normalization and, unless None, an activation."""
    conv = nn.Conv2d(
        in_channels,
        out_channels,
        kernel,
        stride=stride,
        padding=kernel // 2,
        groups=groups,
        bias=False,
    )
    layers: list[nn.Module] = [conv, nn.BatchNorm2d(out_channels)]
    if activation is not None:
        layers.append(activation())
    return nn.Sequential(*layers)


def relu_conv_bn(
    in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1
) -> nn.Sequential:
    """An activation, a convolution without bias and batch normalization, in this order."""
    conv = nn.Conv2d(
        in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=False
    )
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(out_channels))


class Residual(nn.Module):
    """``body(x) + shortcut(x)``; the shortcut is the identity by default."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = nn.Identity() if shortcut is None else shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps of the body's output shape."""
        total: Tensor = self.body(x) + self.shortcut(x)
        return total


class SqueezeExcite(nn.Module):
    """Weighs channels by what all positions hold (Hu, Shen, Sun 2018, section 3).

    Args:
        channels: Channels in and out.
        hidden: Channels of the bottleneck in between.
        activation: Used in the bottleneck.
    """

    def __init__(self, channels: int, hidden: int, activation: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1),
            activation(),
            nn.Conv2d(hidden, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps of the same shape."""
        weighed: Tensor = x * self.gate(x)
        return weighed


def mbconv(
    in_channels: int,
    out_channels: int,
    kernel: int,
    *,
    stride: int = 1,
    expansion: int = 6,
    squeeze: float = 0.0,
    activation: type[nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """A mobile inverted bottleneck without its shortcut (Sandler et al. 2018, section 3.3).

    Args:
        in_channels: Channels in.
        out_channels: Channels out.
        kernel: Kernel of the depthwise convolution.
        stride: Stride of the depthwise convolution.
        expansion: Hidden channels as a multiple of `in_channels`; 1 leaves out the expanding
            convolution, which makes it a depthwise-separable convolution.
        squeeze: Channels in the squeeze-and-excitation's bottleneck as a part of `in_channels`;
            0 for none.
        activation: Used after all convolutions but the last.
    """
    hidden = in_channels * expansion
    layers: list[nn.Module] = []
    if expansion > 1:
        layers.append(conv_bn_act(in_channels, hidden, 1, activation=activation))
    layers.append(
        conv_bn_act(hidden, hidden, kernel, stride=stride, groups=hidden, activation=activation)
    )
    if squeeze:
        layers.append(SqueezeExcite(hidden, max(1, int(in_channels * squeeze)), activation))
    return nn.Sequential(*layers, conv_bn_act(hidden, out_channels, 1, activation=None))


def fused_mbconv(
    in_channels: int,
    out_channels: int,
    kernel: int,
    *,
    stride: int = 1,
    expansion: int = 4,
    activation: type[nn.Module] = nn.SiLU,
) -> nn.Sequential:
    """A fused inverted bottleneck without its shortcut (Tan and Le 2021, section 3.2).

    One full convolution stands in for the expanding and the depthwise one of `mbconv`; with an
    expansion of 1 it is all there is.
    """
    if expansion == 1:
        return conv_bn_act(in_channels, out_channels, kernel, stride=stride, activation=activation)
    hidden = in_channels * expansion
    return nn.Sequential(
        conv_bn_act(in_channels, hidden, kernel, stride=stride, activation=activation),
        conv_bn_act(hidden, out_channels, 1, activation=None),
    )


def classifier(channels: int, num_classes: int) -> nn.Sequential:
    """Mean over all positions, then a linear layer: ``(N, channels, H, W)`` to class scores."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))


def round_channels(channels: float, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to `channels`, at least one, never under 90 % of it."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * channels else rounded + divisor
