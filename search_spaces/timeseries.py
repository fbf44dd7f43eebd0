"""Networks that classify a series: convolutions, dilated causal ones and attention, in any order.

- `Conv`: a convolution over time, as in the fully convolutional network of Wang, Yan and Oates
  2017, "Time Series Classification from Scratch with Deep Neural Networks: A Strong Baseline",
  IJCNN, section II-B. Here it may also halve the time.
- `Causal`: the residual block of Bai, Kolter and Koltun 2018, "An Empirical Evaluation of Generic
  Convolutional and Recurrent Networks for Sequence Modeling", sections 3.2 to 3.4, with batch in
  place of weight normalization, as in the other blocks, and without dropout.
- `Attention`: an encoder block of Vaswani et al. 2017, "Attention Is All You Need", sections 3.1
  to 3.5, normalized before each residual branch.

What a block can choose depends on its kind. Size: a block has 64 + 60 + 72 = 196 forms, the space
``3 * sum(196 ** n for n in range(1, 7))``, about 1.7e14.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from raynas.space import choice, repeat, searchable
from search_spaces.transformer import FeedForward, Residual, SelfAttention

__all__ = ["BASELINE", "Attention", "Causal", "Conv", "SeriesNet", "TimeSeriesNet"]

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}
POOLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda x: x.mean(dim=-1),
    "max": lambda x: x.amax(dim=-1),
    "last": lambda x: x[..., -1],
}


@searchable
class Conv:
    """Convolution, batch normalization, activation."""

    width: int = choice(32, 64, 128, 256)
    kernel: int = choice(3, 5, 8, 15)
    stride: int = choice(1, 2)
    activation: str = choice("relu", "gelu")

    def build(self, channels: int) -> nn.Module:
        """From ``[batch, channels, time]`` to ``[batch, width, ceil(time / stride)]``."""
        return nn.Sequential(
            nn.ConstantPad1d(((self.kernel - 1) // 2, self.kernel // 2), 0.0),
            nn.Conv1d(channels, self.width, self.kernel, self.stride, bias=False),
            nn.BatchNorm1d(self.width),
            ACTIVATIONS[self.activation](),
        )


@searchable
class Causal:
    """Two dilated convolutions that see no later step, and a residual connection."""

    width: int = choice(32, 64, 128, 256)
    kernel: int = choice(3, 5, 7)
    dilation: int = choice(1, 2, 4, 8, 16)

    def build(self, channels: int) -> nn.Module:
        """From ``[batch, channels, time]`` to ``[batch, width, time]``."""
        return CausalBlock(channels, self.width, self.kernel, self.dilation)


@searchable
class Attention:
    """Self-attention over time and a network applied to each step.

    Without `positions`, sines added to what goes in, a block does not see the order of steps.
    """

    width: int = choice(32, 64, 128, 256)
    heads: int = choice(2, 4, 8)
    ratio: int = choice(1, 2, 4)
    positions: bool = choice(True, False)

    def build(self, channels: int) -> nn.Module:
        """From ``[batch, channels, time]`` to ``[batch, width, time]``."""
        return AttentionBlock(channels, self)


@searchable
class TimeSeriesNet:
    """One to six blocks, a summary over time, a linear classifier."""

    blocks: tuple[Conv | Causal | Attention, ...] = repeat(choice(Conv, Causal, Attention), 1, 6)
    pooling: str = choice("mean", "max", "last")

    def build(self, *, channels: int = 1, classes: int = 2) -> nn.Module:
        """From series ``[batch, channels, time]`` of any length to logits ``[batch, classes]``."""
        return SeriesNet(self, channels, classes)


BASELINE = TimeSeriesNet(
    blocks=(Conv(128, 8, 1, "relu"), Conv(256, 5, 1, "relu"), Conv(128, 3, 1, "relu")),
    pooling="mean",
)
"""The fully convolutional network (FCN) of Wang, Yan and Oates 2017, figure 1(b)."""


class SeriesNet(nn.Module):
    """The network of a `TimeSeriesNet`."""

    def __init__(self, architecture: TimeSeriesNet, channels: int, classes: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential()
        for block in architecture.blocks:
            self.blocks.append(block.build(channels))
            channels = block.width
        self.pooling = architecture.pooling
        self.head = nn.Linear(channels, classes)

    def forward(self, series: Tensor) -> Tensor:
        """From ``[batch, channel, time]`` to ``[batch, class]``."""
        x: Tensor = self.blocks(series)
        logits: Tensor = self.head(POOLINGS[self.pooling](x))
        return logits


class CausalBlock(nn.Module):
    """The network of a `Causal`."""

    def __init__(self, channels: int, width: int, kernel: int, dilation: int) -> None:
        super().__init__()
        past = nn.ConstantPad1d(((kernel - 1) * dilation, 0), 0.0)
        self.branch = nn.Sequential()
        for inputs in (channels, width):
            conv = nn.Conv1d(inputs, width, kernel, dilation=dilation, bias=False)
            self.branch.extend((past, conv, nn.BatchNorm1d(width), nn.ReLU()))
        same = channels == width
        self.shortcut = nn.Identity() if same else nn.Conv1d(channels, width, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """From ``[batch, channel, time]`` to ``[batch, width, time]``."""
        return functional.relu(self.branch(x) + self.shortcut(x))


class AttentionBlock(nn.Module):
    """The network of an `Attention`."""

    def __init__(self, channels: int, architecture: Attention) -> None:
        super().__init__()
        width = architecture.width
        self.inputs = nn.Identity() if channels == width else nn.Linear(channels, width)
        self.positions = architecture.positions
        self.branches = nn.Sequential(
            Residual(SelfAttention(width, architecture.heads), width),
            Residual(FeedForward(width, architecture.ratio * width, "gelu"), width),
        )

    def forward(self, series: Tensor) -> Tensor:
        """From ``[batch, channel, time]`` to ``[batch, width, time]``."""
        x: Tensor = self.inputs(series.mT)
        if self.positions:
            x = x + waves(x)
        y: Tensor = self.branches(x)
        return y.mT


def waves(x: Tensor) -> Tensor:
    """Sines and cosines of the position for ``[..., time, width]`` (Vaswani et al. 2017, 3.5)."""
    time, width = x.shape[-2:]
    rates = 10_000.0 ** (-torch.arange(0, width, 2, device=x.device) / width)
    angles = torch.arange(time, device=x.device)[:, None] * rates
    return torch.cat((angles.sin(), angles.cos()), dim=-1).to(x.dtype)
