"""NAS-FPN: a head for detection that merges five feature maps, two at a time.

Ghiasi, Lin and Le 2019, "NAS-FPN: Learning Scalable Feature Pyramid Architecture for Object
Detection", CVPR, section 3.1. Seven merging cells, as in the paper, each take two different
feature maps of those there are, resize them to the cell's level, merge them and add the result to
the feature maps. The levels of the first two cells are free; those of the last five, which are the
output, are the five levels in a chosen order. Level i has 1 / 2 ** i of the image's resolution.

The size counts unordered pairs, since both ways to merge treat a pair alike: C(5, 2) * ... *
C(11, 2) pairs, 2 ** 7 operations, 5 ** 2 levels and 5! orders make 3,017,710,080,000,000.
"""

from collections.abc import Sequence
from itertools import combinations, permutations

import torch
from torch import Tensor, nn
from torch.nn import functional

from raynas.space import choice, repeat, searchable
from search_spaces.layers import conv_bn_act, relu_conv_bn

__all__ = ["BASELINE", "LEVELS", "NASFPN", "PyramidClassifier"]

LEVELS = (3, 4, 5, 6, 7)
Pair = tuple[int, int]


@searchable
class NASFPN:
    """Seven merging cells. Feature maps 0 to 4 are the input, finest first; cell i makes 4 + i.

    Attributes:
        inputs_1: The feature maps that the first cell merges; `inputs_2` and so on likewise.
        operations: How each cell merges: their sum, or the coarser one by its global maximum
            gating the finer one.
        levels: Levels of the first two cells.
        order: Levels of the other five.
    """

    inputs_1: Pair = choice(*combinations(range(5), 2))
    inputs_2: Pair = choice(*combinations(range(6), 2))
    inputs_3: Pair = choice(*combinations(range(7), 2))
    inputs_4: Pair = choice(*combinations(range(8), 2))
    inputs_5: Pair = choice(*combinations(range(9), 2))
    inputs_6: Pair = choice(*combinations(range(10), 2))
    inputs_7: Pair = choice(*combinations(range(11), 2))
    operations: tuple[str, ...] = repeat(choice("sum", "attention"), 7)
    levels: tuple[int, ...] = repeat(choice(*LEVELS), 2)
    order: tuple[int, ...] = choice(*permutations(LEVELS))

    @property
    def inputs(self) -> tuple[Pair, ...]:
        """The pairs of all cells in order."""
        return tuple(getattr(self, f"inputs_{cell}") for cell in range(1, 8))

    def build(
        self,
        *,
        in_channels: Sequence[int] = (256, 256, 256, 256, 256),
        channels: int = 256,
        repeats: int = 7,
    ) -> nn.Module:
        """A module from five feature maps, finest first, to five of the same resolutions.

        Args:
            in_channels: Channels of each feature map.
            channels: Channels of each feature map that comes out.
            repeats: How often the pyramid is stacked; up to 7 in the paper.
        """
        return _Stack(
            nn.ModuleList(
                conv_bn_act(width, channels, 1, activation=None) for width in in_channels
            ),
            nn.ModuleList(_Pyramid(self, channels) for _ in range(repeats)),
        )


class _Stack(nn.Module):
    """Projects to equal channels, then refines the pyramid again and again."""

    def __init__(self, projections: nn.ModuleList, pyramids: nn.ModuleList) -> None:
        super().__init__()
        self.projections = projections
        self.pyramids = pyramids

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        maps = [project(x) for project, x in zip(self.projections, features, strict=True)]
        for pyramid in self.pyramids:
            maps = pyramid(maps)
        return maps


class _Pyramid(nn.Module):
    """The merging cells once."""

    def __init__(self, architecture: NASFPN, channels: int) -> None:
        super().__init__()
        self.levels = [*LEVELS, *architecture.levels, *architecture.order]
        self.cells = list(zip(architecture.inputs, architecture.operations, strict=True))
        # What no cell uses joins the output of its level.
        self.unused = set(range(7)).difference(*architecture.inputs)
        self.convs = nn.ModuleList(relu_conv_bn(channels, channels, 3) for _ in self.cells)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        sizes = dict(zip(LEVELS, (x.shape[-2:] for x in features), strict=True))
        maps = list(features)
        for (pair, operation), conv in zip(self.cells, self.convs, strict=True):
            level, size = self.levels[len(maps)], sizes[self.levels[len(maps)]]
            coarser, finer = sorted(pair, key=lambda index: self.levels[index], reverse=True)
            merged, other = _resize(maps[coarser], size), _resize(maps[finer], size)
            if operation == "attention":
                other = other * torch.sigmoid(merged.amax(dim=(2, 3), keepdim=True))
            merged = merged + other
            if len(maps) >= 7:
                merged = sum((maps[i] for i in self.unused if self.levels[i] == level), merged)
            maps.append(conv(merged))
        outputs = dict(zip(self.levels[-5:], maps[-5:], strict=True))
        return [outputs[level] for level in LEVELS]


def _resize(x: Tensor, size: torch.Size) -> Tensor:
    """Nearest neighbors to a finer level, maxima to a coarser one."""
    if x.shape[-2:] == size:
        return x
    if x.shape[-1] < size[-1] or x.shape[-2] < size[-2]:
        return functional.interpolate(x, size=size, mode="nearest")
    return functional.adaptive_max_pool2d(x, size)


class PyramidClassifier(nn.Module):
    """Trains a pyramid on class labels: a plain backbone before it, a linear layer after it.

    As a task's module: ``lambda pyramid: Classifier(PyramidClassifier(pyramid, channels=256))``.

    Args:
        pyramid: What `NASFPN.build` made, with `channels` for all of its inputs.
        channels: Channels of each feature map.
        in_channels: Channels of the images.
        num_classes: Number of scores.
        stride: Stride of the stem: 8 for level 3 as it is, less for small images.
    """

    def __init__(
        self,
        pyramid: nn.Module,
        *,
        channels: int = 256,
        in_channels: int = 3,
        num_classes: int = 10,
        stride: int = 2,
    ) -> None:
        super().__init__()
        self.stem = conv_bn_act(in_channels, channels, 2 * stride - 1, stride=stride)
        self.downs = nn.ModuleList(conv_bn_act(channels, channels, 3, stride=2) for _ in range(4))
        self.pyramid = pyramid
        self.head = nn.Linear(5 * channels, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores of images ``(N, in_channels, H, W)``."""
        maps = [self.stem(images)]
        for down in self.downs:
            maps.append(down(maps[-1]))
        pooled = [x.mean(dim=(2, 3)) for x in self.pyramid(maps)]
        scores: Tensor = self.head(torch.cat(pooled, dim=1))
        return scores


BASELINE = NASFPN(
    inputs_1=(1, 3),
    inputs_2=(1, 5),
    inputs_3=(0, 6),
    inputs_4=(6, 7),
    inputs_5=(7, 8),
    inputs_6=(6, 9),
    inputs_7=(9, 10),
    operations=("attention", "sum", "sum", "sum", "attention", "attention", "attention"),
    levels=(4, 4),
    order=(3, 4, 5, 7, 6),
)
"""The seven cells that the paper found."""
