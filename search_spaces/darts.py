"""The cells of DARTS, after NASNet's: a normal and a reduction cell that are stacked.

Liu, Simonyan and Yang 2019, "DARTS: Differentiable Architecture Search", ICLR, sections 2.1 and
3.1. A cell has two inputs, the outputs of the two cells before it, and four nodes; node i applies
two of 7 operations to two different predecessors out of i + 1 and adds the results up, and the
nodes together are the output. The choice is over pairs of predecessors, so nothing is counted
twice: 7 ** 8 * 1 * 3 * 6 * 10 = 1,037,664,180 cells and 1,076,746,950,455,072,400 pairs of cells,
the paper's 10 ** 9 and 10 ** 18. Isomorphic cells, with two nodes swapped, count each.
"""

from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn import functional

from raynas.space import choice, repeat, searchable, subset
from search_spaces.layers import classifier, relu_conv_bn

__all__ = ["BASELINE", "DARTS", "OPERATIONS", "Cell", "Node2", "Node3", "Node4", "Node5"]

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)


@searchable
class Node2:
    """The first node: two operations on the two inputs of the cell, numbered 0 and 1."""

    inputs: tuple[int, ...] = subset(0, 1, k=2)
    operations: tuple[str, ...] = repeat(choice(*OPERATIONS), 2)


@searchable
class Node3(Node2):
    """The second node, which has three predecessors; the first node is number 2."""

    inputs: tuple[int, int] = choice(*combinations(range(3), 2))


@searchable
class Node4(Node2):
    """The third node, which has four predecessors."""

    inputs: tuple[int, int] = choice(*combinations(range(4), 2))


@searchable
class Node5(Node2):
    """The fourth node, which has five predecessors."""

    inputs: tuple[int, int] = choice(*combinations(range(5), 2))


@searchable
class Cell:
    """Four nodes, each fed by two of what lies before it."""

    first: Node2 = choice(Node2)
    second: Node3 = choice(Node3)
    third: Node4 = choice(Node4)
    fourth: Node5 = choice(Node5)


@searchable
class DARTS:
    """A cell that keeps the resolution and one that halves it."""

    normal: Cell = choice(Cell)
    reduction: Cell = choice(Cell)

    def build(
        self, *, in_channels: int = 3, num_classes: int = 10, channels: int = 36, cells: int = 20
    ) -> nn.Module:
        """The network for CIFAR-10 of section 3.2, without its auxiliary tower and drop path.

        Args:
            in_channels: Channels of the images.
            num_classes: Number of scores.
            channels: Channels of a node before the first reduction, 36 in the paper; 16 there
                while searching.
            cells: Number of cells, of which those at one and two thirds reduce; 20 in the paper,
                8 there while searching.
        """
        return _Network(self, in_channels, num_classes, channels, cells)


class _Network(nn.Module):
    """A stem, the stacked cells and a classifier."""

    def __init__(
        self, architecture: DARTS, in_channels: int, num_classes: int, channels: int, cells: int
    ) -> None:
        super().__init__()
        before = last = 3 * channels
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, last, 3, padding=1, bias=False), nn.BatchNorm2d(last)
        )
        self.cells = nn.ModuleList()
        reduced = False
        for index in range(cells):
            reduces = index in (cells // 3, 2 * cells // 3)
            channels *= 2 if reduces else 1
            cell = architecture.reduction if reduces else architecture.normal
            stride = 2 if reduces else 1
            self.cells.append(_CellModule(cell, before, last, channels, stride, reduced))
            before, last, reduced = last, 4 * channels, reduces
        self.head = classifier(last, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        before = last = self.stem(x)
        for cell in self.cells:
            before, last = last, cell(before, last)
        scores: Tensor = self.head(last)
        return scores


class _CellModule(nn.Module):
    """A cell of `channels` per node; `reduced` tells that the cell before it halved."""

    def __init__(
        self, cell: Cell, before: int, last: int, channels: int, stride: int, reduced: bool
    ) -> None:
        super().__init__()
        nodes = (cell.first, cell.second, cell.third, cell.fourth)
        reduce = _FactorizedReduce(before, channels) if reduced else None
        self.before = reduce or relu_conv_bn(before, channels)
        self.last = relu_conv_bn(last, channels)
        self.inputs = [node.inputs for node in nodes]
        self.operations = nn.ModuleList(
            _operation(name, channels, stride if source < 2 else 1)
            for node in nodes
            for source, name in zip(node.inputs, node.operations, strict=True)
        )

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        values = [self.before(before), self.last(last)]
        operations = iter(self.operations)
        for first, second in self.inputs:
            values.append(next(operations)(values[first]) + next(operations)(values[second]))
        return torch.cat(values[2:], dim=1)


class _FactorizedReduce(nn.Module):
    """Halves the resolution with two 1x1 convolutions, the second one pixel further on."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.even = nn.Conv2d(in_channels, half, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(in_channels, out_channels - half, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(x)
        shifted = functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        reduced: Tensor = self.norm(torch.cat([self.even(x), self.odd(shifted)], dim=1))
        return reduced


def _operation(name: str, channels: int, stride: int) -> nn.Module:
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else _FactorizedReduce(channels, channels)
    if name == "max_pool_3x3":
        return nn.MaxPool2d(3, stride=stride, padding=1)
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=stride, padding=1, count_include_pad=False)
    kernel = int(name[-1])
    if name.startswith("dil_conv"):
        return _depthwise(channels, kernel, stride, dilation=2)
    return nn.Sequential(_depthwise(channels, kernel, stride), _depthwise(channels, kernel))


def _depthwise(channels: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Module:
    padding = kernel // 2 * dilation
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(
            channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False
        ),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


BASELINE = DARTS(
    normal=Cell(
        first=Node2((0, 1), ("sep_conv_3x3", "sep_conv_3x3")),
        second=Node3((0, 1), ("sep_conv_3x3", "sep_conv_3x3")),
        third=Node4((0, 1), ("skip_connect", "sep_conv_3x3")),
        fourth=Node5((0, 2), ("skip_connect", "dil_conv_3x3")),
    ),
    reduction=Cell(
        first=Node2((0, 1), ("max_pool_3x3", "max_pool_3x3")),
        second=Node3((1, 2), ("max_pool_3x3", "skip_connect")),
        third=Node4((0, 2), ("max_pool_3x3", "skip_connect")),
        fourth=Node5((1, 2), ("max_pool_3x3", "skip_connect")),
    ),
)
"""What the paper's second-order search found on CIFAR-10 (figures 4 and 5)."""
