"""FCOS: a head for detection without anchor boxes, on a feature pyramid and a residual network.

Tian et al. 2019, "FCOS: Fully Convolutional One-Stage Object Detection", ICCV, section 3 and
figure 2, on the pyramid of Lin et al. 2017, "Feature Pyramid Networks for Object Detection", CVPR,
section 3. Each place of each level predicts class scores, the distances to the four sides of the
box that it lies in, and its centerness. `search_spaces.boxes` has the targets, the loss and the
metric; ``examples/detection.py`` searches a head on made-up boxes.

A tower has 4 depths * 3 widths * 2 kernels * 2 kinds = 48 forms, so two towers, 2 normalizations,
3 places of the centerness, heads shared by levels or not, pyramids with or without the way down
and their 3 widths make 48 ** 2 * 2 * 3 * 2 * 2 * 3 = 165,888 architectures.
"""

from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from raynas.space import choice, searchable
from search_spaces.layers import round_channels
from search_spaces.resnet import RESNET50, ResNet

__all__ = ["BASELINE", "FCOS", "Detector", "Tower"]


@searchable
class Tower:
    """Convolutions of one branch of the head, each with normalization and ReLU."""

    depth: int = choice(1, 2, 3, 4)
    width: int = choice(64, 128, 256)
    kernel: int = choice(3, 5)
    kind: str = choice("plain", "separable")

    def build(self, in_channels: int, width: int, norm: str) -> nn.Module:
        """A module that keeps the resolution, from `in_channels` to `width` channels."""
        layers: list[nn.Module] = []
        for _ in range(self.depth):
            layers += [*self._conv(in_channels, width), _norm(norm, width), nn.ReLU()]
            in_channels = width
        return nn.Sequential(*layers)

    def _conv(self, in_channels: int, width: int) -> list[nn.Module]:
        if self.kind == "plain":
            return [nn.Conv2d(in_channels, width, self.kernel, padding=self.kernel // 2)]
        depthwise = nn.Conv2d(
            in_channels, in_channels, self.kernel, padding=self.kernel // 2, groups=in_channels
        )
        return [depthwise, nn.Conv2d(in_channels, width, 1)]


@searchable
class FCOS:
    """A head, and the pyramid under it.

    Attributes:
        classification: The branch of the class scores.
        regression: The branch of the boxes.
        norm: Normalization in both.
        centerness: The branch that predicts the centerness, or none.
        shared: Whether all levels have the same head, but for a factor of the distances.
        top_down: Whether coarser levels of the pyramid are added to finer ones.
        pyramid: Channels of the pyramid.
    """

    classification: Tower = choice(Tower)
    regression: Tower = choice(Tower)
    norm: str = choice("group", "batch")
    centerness: str = choice("classification", "regression", "none")
    shared: bool = choice(True, False)
    top_down: bool = choice(True, False)
    pyramid: int = choice(64, 128, 256)

    def build(
        self,
        *,
        in_channels: int = 3,
        num_classes: int = 80,
        backbone: ResNet = RESNET50,
        coarser: int = 2,
        width: float = 1.0,
    ) -> nn.Module:
        """A module from images ``(N, in_channels, H, W)`` to ``(N, places, num_classes + 5)``.

        The numbers of a place are class scores before the sigmoid, distances in pixels to the left,
        the top, the right and the bottom, and the centerness before the sigmoid, which is left out
        with centerness ``"none"``. `search_spaces.boxes.places_of` gives the places of all levels,
        the finest first, from `Detector.strides`.

        Args:
            in_channels: Channels of the images.
            num_classes: Number of classes.
            backbone: Its last three stages go into the pyramid: strides 8, 16 and 32, or with the
                stem ``"small"`` 2, 4 and 8.
            coarser: Number of levels above those, each of half the resolution.
            width: Multiple of all channels, rounded to multiples of 8.
        """
        return Detector(self, in_channels, num_classes, backbone, coarser, width)


class Detector(nn.Module):
    """The network of an `FCOS`.

    Attributes:
        strides: Pixels between the places of each level.
    """

    def __init__(
        self,
        architecture: FCOS,
        in_channels: int,
        num_classes: int,
        backbone: ResNet,
        coarser: int,
        width: float,
    ) -> None:
        super().__init__()
        first = 1 if backbone.stem == "small" else 4
        self.strides = [first * 2**level for level in range(1, 4 + coarser)]
        self.stages = nn.ModuleList(_stages(backbone, in_channels, width))
        channels = round_channels(architecture.pyramid * width)
        widths = [_width_of(stage) for stage in self.stages[1:]]
        self.pyramid = _Pyramid(widths, channels, coarser, architecture.top_down)
        count = 1 if architecture.shared else len(self.strides)
        self.heads = nn.ModuleList(
            _Head(architecture, channels, num_classes, width) for _ in range(count)
        )
        self.factors = nn.Parameter(torch.ones(len(self.strides)))

    def forward(self, images: Tensor) -> Tensor:
        """See `FCOS.build`."""
        maps = [self.stages[0](images)]
        for stage in self.stages[1:]:
            maps.append(stage(maps[-1]))
        found = []
        for level, x in enumerate(self.pyramid(maps[1:])):
            head = self.heads[level % len(self.heads)]
            scores, distances, centerness = head(x)
            distances = functional.relu(distances * self.factors[level]) * self.strides[level]
            parts = [scores, distances, *([] if centerness is None else [centerness])]
            found.append(torch.cat(parts, dim=1).flatten(2).mT)
        return torch.cat(found, dim=1)


class _Pyramid(nn.Module):
    """All levels with equal channels, finest first."""

    def __init__(self, widths: list[int], channels: int, coarser: int, top_down: bool) -> None:
        super().__init__()
        self.top_down = top_down
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in widths)
        self.smooth = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in widths)
        self.downs = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, stride=2, padding=1) for _ in range(coarser)
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        levels = [conv(x) for conv, x in zip(self.lateral, maps, strict=True)]
        if self.top_down:
            for level in reversed(range(len(levels) - 1)):
                size = levels[level].shape[-2:]
                coarser = functional.interpolate(levels[level + 1], size=size, mode="nearest")
                levels[level] = levels[level] + coarser
        levels = [conv(x) for conv, x in zip(self.smooth, levels, strict=True)]
        for index, down in enumerate(self.downs):
            before = levels[-1] if index == 0 else functional.relu(levels[-1])
            levels.append(down(before))
        return levels


class _Head(nn.Module):
    """Two towers and a convolution for each kind of prediction."""

    def __init__(self, architecture: FCOS, channels: int, num_classes: int, width: float) -> None:
        super().__init__()
        towers = {
            "classification": architecture.classification,
            "regression": architecture.regression,
        }
        ends = {name: round_channels(tower.width * width) for name, tower in towers.items()}
        self.towers = nn.ModuleDict(
            {
                name: tower.build(channels, ends[name], architecture.norm)
                for name, tower in towers.items()
            }
        )
        self.scores = nn.Conv2d(ends["classification"], num_classes, 3, padding=1)
        # Most places are background: begin with a probability of 0.01 (Lin et al. 2017, "Focal
        # Loss for Dense Object Detection", ICCV, section 4.1).
        nn.init.constant_(self.scores.bias, -4.595)  # type: ignore[arg-type]
        self.distances = nn.Conv2d(ends["regression"], 4, 3, padding=1)
        nn.init.constant_(self.distances.bias, 1.0)  # type: ignore[arg-type]
        self.branch = architecture.centerness
        if self.branch != "none":
            self.centerness = nn.Conv2d(ends[self.branch], 1, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        found = {name: tower(x) for name, tower in self.towers.items()}
        centerness = None if self.branch == "none" else self.centerness(found[self.branch])
        return self.scores(found["classification"]), self.distances(found["regression"]), centerness


def _stages(backbone: ResNet, in_channels: int, width: float) -> list[nn.Module]:
    """The stem with the first stage, and the other three stages."""
    layers = list(backbone.build(in_channels=in_channels, width=width).children())
    ends = list(accumulate(stage.depth for stage in backbone.stages))
    first = nn.Sequential(*layers[: 1 + ends[0]])
    return [first, *(nn.Sequential(*layers[1 + a : 1 + b]) for a, b in pairwise(ends))]


def _width_of(stage: nn.Module) -> int:
    """Channels that a stage of a residual network gives: those of its last normalization."""
    return [m.num_features for m in stage.modules() if isinstance(m, nn.BatchNorm2d)][-1]


def _norm(kind: str, channels: int) -> nn.Module:
    """Group normalization has 32 groups, or 8 channels in each where that makes fewer."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.GroupNorm(32 if channels % 32 == 0 else channels // 8, channels)


BASELINE = FCOS(
    classification=Tower(4, 256, 3, "plain"),
    regression=Tower(4, 256, 3, "plain"),
    norm="group",
    centerness="classification",
    shared=True,
    top_down=True,
    pyramid=256,
)
"""The paper's head (figure 2; section 4 for the four convolutions with group normalization)."""
