"""SpineNet: a backbone whose blocks have scales in any order, and connections across scales.

Du et al. 2020, "SpineNet: Learning Scale-Permuted Backbone for Recognition and Localization", CVPR,
section 3. After a stem with two blocks come ten intermediate blocks and five output blocks, one for
each of the levels 3 to 7, in any order. Level i has 1 / 2 ** i of the image's resolution. Each
block takes the sum of two earlier blocks, resampled to its own level. The paper permutes the levels
of a ResNet's blocks and adjusts them; here each intermediate block chooses its level, which
includes that.

Sizes: the intermediate blocks have 6 ** 10 levels and C(2, 2) * ... * C(11, 2) pairs of inputs,
8,553,252,600,668,160,000 in all; the output blocks 5! orders and C(12, 2) * ... * C(16, 2) pairs;
and all blocks 2 ** 15 kinds. That is 1.98e35 architectures, so search it in two parts, each within
10 ** 20, the other one at the baseline: ``Space(SpineNet, baseline=BASELINE).split("inner",
("outer", "kinds"))``.
"""

from itertools import combinations, permutations
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from raynas.space import choice, repeat, searchable
from search_spaces.layers import Residual, conv_bn_act

__all__ = ["BASELINE", "LEVELS", "Inner", "Outer", "SpineNet"]

LEVELS = (3, 4, 5, 6, 7)
"""Levels of the output."""
FILTERS = {2: 64, 3: 128, 4: 256, 5: 256, 6: 256, 7: 256}
"""Filters of a block by its level; a bottleneck block has four times as many channels."""

Pair = tuple[int, int]


@searchable
class Inner:
    """Ten intermediate blocks, numbered from 2 on; blocks 0 and 1 are the stem's.

    Block 2 takes the stem's two blocks, which are all there are before it.

    Attributes:
        levels: Level of each block.
        inputs_3: The two blocks that block 3 takes; `inputs_4` and so on are of the others.
    """

    levels: tuple[int, ...] = repeat(choice(2, 3, 4, 5, 6, 7), 10)
    inputs_3: Pair = choice(*combinations(range(3), 2))
    inputs_4: Pair = choice(*combinations(range(4), 2))
    inputs_5: Pair = choice(*combinations(range(5), 2))
    inputs_6: Pair = choice(*combinations(range(6), 2))
    inputs_7: Pair = choice(*combinations(range(7), 2))
    inputs_8: Pair = choice(*combinations(range(8), 2))
    inputs_9: Pair = choice(*combinations(range(9), 2))
    inputs_10: Pair = choice(*combinations(range(10), 2))
    inputs_11: Pair = choice(*combinations(range(11), 2))


@searchable
class Outer:
    """Five output blocks, numbered from 12 on.

    Attributes:
        order: Level of each block.
        inputs_12: The two blocks that block 12 takes; `inputs_13` and so on are of the others.
    """

    order: tuple[int, ...] = choice(*permutations(LEVELS))
    inputs_12: Pair = choice(*combinations(range(12), 2))
    inputs_13: Pair = choice(*combinations(range(13), 2))
    inputs_14: Pair = choice(*combinations(range(14), 2))
    inputs_15: Pair = choice(*combinations(range(15), 2))
    inputs_16: Pair = choice(*combinations(range(16), 2))


@searchable
class SpineNet:
    """Scale-permuted blocks after a fixed stem.

    Attributes:
        inner: Scales and connections of the intermediate blocks.
        outer: Scales and connections of the output blocks.
        kinds: Kind of each block: with 1x1, 3x3 and 1x1 convolutions, or with two of 3x3.
    """

    inner: Inner = choice(Inner)
    outer: Outer = choice(Outer)
    kinds: tuple[str, ...] = repeat(choice("bottleneck", "residual"), 15)

    @property
    def levels(self) -> tuple[int, ...]:
        """Levels of all blocks, the stem's two included."""
        return (2, 2, *self.inner.levels, *self.outer.order)

    @property
    def inputs(self) -> tuple[Pair, ...]:
        """The two inputs of each block after the stem's."""
        inner = (getattr(self.inner, f"inputs_{block}") for block in range(3, 12))
        outer = (getattr(self.outer, f"inputs_{block}") for block in range(12, 17))
        return ((0, 1), *inner, *outer)

    def build(
        self,
        *,
        in_channels: int = 3,
        num_classes: int | None = None,
        channels: int = 256,
        width: float = 1.0,
        repeats: int = 1,
        alpha: float = 0.5,
    ) -> nn.Module:
        """A module from images ``(N, in_channels, H, W)`` to five feature maps, finest first.

        Args:
            in_channels: Channels of the images.
            num_classes: Number of class scores, from the mean of all feature maps; None for the
                feature maps.
            channels: Channels of each feature map.
            width: Multiple of all other channels, rounded down.
            repeats: How often each block is repeated: 1 in SpineNet-49, 2 in SpineNet-96, 3 in
                SpineNet-143.
            alpha: Channels during resampling as a part of the filters of the block that it is from:
                0.5 in SpineNet-49 and -96, 1 in SpineNet-143.
        """
        spine = _Spine(self, in_channels, channels, width, repeats, alpha)
        if num_classes is None:
            return spine
        return nn.Sequential(spine, _MeanOfMaps(), nn.Linear(channels, num_classes))


class _Spine(nn.Module):
    """All blocks in order, then a convolution for each output."""

    def __init__(
        self,
        architecture: SpineNet,
        in_channels: int,
        channels: int,
        width: float,
        repeats: int,
        alpha: float,
    ) -> None:
        super().__init__()
        self.levels = architecture.levels
        kinds = ("bottleneck", "bottleneck", *architecture.kinds)
        filters = [max(1, int(FILTERS[level] * width)) for level in self.levels]
        wide = [_width(kind, count) for kind, count in zip(kinds, filters, strict=True)]
        first = max(1, int(64 * width))
        self.stem = nn.Sequential(
            conv_bn_act(in_channels, first, 7, stride=2), nn.MaxPool2d(3, stride=2, padding=1)
        )
        self.blocks = nn.ModuleList(
            _blocks(kind, before, count, repeats)
            for kind, before, count in zip(
                kinds, (first, *wide[:1], *wide[2:]), filters, strict=True
            )
        )
        self.parents = _parents(architecture)
        self.resamplings = nn.ModuleList(
            nn.ModuleList(
                _AsIs()
                if order >= 2 and (self.levels[parent], wide[parent]) == (level, wide[block])
                else _Resampling(
                    wide[parent],
                    max(1, int(filters[parent] * alpha)),
                    wide[block],
                    level - self.levels[parent],
                )
                for order, parent in enumerate(parents)
            )
            for block, (level, parents) in enumerate(
                zip(self.levels[2:], self.parents, strict=True), start=2
            )
        )
        self.outputs = [2 + self.levels[2:].index(level, 10) for level in LEVELS]
        self.ends = nn.ModuleList(conv_bn_act(wide[block], channels, 1) for block in self.outputs)

    def forward(self, images: Tensor) -> list[Tensor]:
        x = self.stem(images)
        sizes = {2: (x.shape[-2], x.shape[-1])}
        for level in LEVELS:
            height, width = sizes[level - 1]
            sizes[level] = (-(-height // 2), -(-width // 2))
        maps: list[Tensor] = []
        for block in self.blocks[:2]:
            x = block(x)
            maps.append(x)
        for index in range(2, len(self.blocks)):
            resamplings: Any = self.resamplings[index - 2]
            size = sizes[self.levels[index]]
            parts = [
                resample(maps[parent], size)
                for resample, parent in zip(resamplings, self.parents[index - 2], strict=True)
            ]
            maps.append(self.blocks[index](functional.relu(sum(parts[1:], parts[0]))))
        return [end(maps[block]) for end, block in zip(self.ends, self.outputs, strict=True)]


def _parents(architecture: SpineNet) -> list[tuple[int, ...]]:
    """The blocks that each block after the stem takes.

    An intermediate block that no other block takes is added to the inputs of the output block of
    its level, as in the authors' code; one of level 2 to those of level 3.
    """
    used = set().union(*architecture.inputs)
    ends = {level: block for block, level in enumerate(architecture.outer.order, start=12)}
    parents: list[tuple[int, ...]] = list(architecture.inputs)
    for block, level in enumerate(architecture.inner.levels, start=2):
        if block not in used:
            end = ends[max(level, LEVELS[0])] - 2
            parents[end] = (*parents[end], block)
    return parents


class _Resampling(nn.Module):
    """To another level and other channels (section 3.2, figure 5).

    A 1x1 convolution to `middle` channels; then nearest neighbors to a finer level, or a
    convolution of stride 2 and maxima to a coarser one; and a 1x1 convolution.

    Args:
        down: By how many levels it goes down; below 0 for a finer one.
    """

    def __init__(self, in_channels: int, middle: int, out_channels: int, down: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [conv_bn_act(in_channels, middle, 1)]
        if down > 0:
            layers.append(conv_bn_act(middle, middle, 3, stride=2))
        layers += [nn.MaxPool2d(3, stride=2, padding=1) for _ in range(down - 1)]
        self.before = nn.Sequential(*layers)
        self.rises = down < 0
        self.after = conv_bn_act(middle, out_channels, 1, activation=None)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        x = self.before(x)
        if self.rises:
            x = functional.interpolate(x, size=size, mode="nearest")
        resampled: Tensor = self.after(x)
        return resampled


class _AsIs(nn.Module):
    """A feature map that has its level and channels already."""

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        del size
        return x


class _MeanOfMaps(nn.Module):
    """The mean over all positions of each feature map, and of these over the feature maps."""

    def forward(self, maps: list[Tensor]) -> Tensor:
        means = [x.mean(dim=(2, 3)) for x in maps]
        return sum(means[1:], means[0]) / len(means)


def _width(kind: str, filters: int) -> int:
    return 4 * filters if kind == "bottleneck" else filters


def _blocks(kind: str, in_channels: int, filters: int, repeats: int) -> nn.Module:
    first = _block(kind, in_channels, filters)
    rest = (_block(kind, _width(kind, filters), filters) for _ in range(repeats - 1))
    return nn.Sequential(first, *rest)


def _block(kind: str, in_channels: int, filters: int) -> nn.Module:
    """A residual block (He et al. 2016) that keeps the resolution."""
    out_channels = _width(kind, filters)
    layers = [conv_bn_act(in_channels, filters, 1), conv_bn_act(filters, filters, 3)]
    if kind == "residual":
        layers = [conv_bn_act(in_channels, filters, 3)]
    kernel = 1 if kind == "bottleneck" else 3
    body = nn.Sequential(*layers, conv_bn_act(filters, out_channels, kernel, activation=None))
    shortcut = None
    if in_channels != out_channels:
        shortcut = conv_bn_act(in_channels, out_channels, 1, activation=None)
    return nn.Sequential(Residual(body, shortcut), nn.ReLU())


BASELINE = SpineNet(
    inner=Inner(
        levels=(2, 4, 3, 4, 6, 4, 5, 7, 5, 5),
        inputs_3=(0, 1),
        inputs_4=(2, 3),
        inputs_5=(2, 4),
        inputs_6=(3, 5),
        inputs_7=(3, 5),
        inputs_8=(6, 7),
        inputs_9=(6, 8),
        inputs_10=(8, 9),
        inputs_11=(8, 10),
    ),
    outer=Outer(
        order=(4, 3, 5, 7, 6),
        inputs_12=(5, 10),
        inputs_13=(4, 10),
        inputs_14=(7, 12),
        inputs_15=(5, 14),
        inputs_16=(12, 14),
    ),
    kinds=tuple("residual" if block in (3, 6, 8, 9) else "bottleneck" for block in range(2, 17)),
)
"""SpineNet-49, which the paper found (section 4 and figure 4)."""
