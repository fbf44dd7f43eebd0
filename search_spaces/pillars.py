"""PointPillars: point clouds as images of pillars, for scores of places on the ground.

Lang et al. 2019, "PointPillars: Fast Encoders for Object Detection from Point Clouds", CVPR: the
pillar feature net of section 2.1, the backbone of section 2.2 and, as its output, the maps of the
head of section 2.3. Here a pillar holds any number of points, as with the dynamic voxelization of
Zhou et al. 2019, "End-to-End Multi-View Fusion for 3D Object Detection in LiDAR Point Clouds",
CoRL, section 3.1, so that no point is dropped. The sizes of pillars are those of the paper's
section 7.1 (figure 5) and some coarser ones.

A stage has 4 depths * 3 widths * 2 strides * 2 kinds = 48 forms, so 2 to 4 stages, 3 widths and
2 depths of the pillar feature net, 5 sizes of pillars and 3 widths of the up-sampled maps make
3 * 2 * 5 * 3 * (48 ** 2 + 48 ** 3 + 48 ** 4) = 487,918,080 architectures.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from raynas.space import choice, repeat, searchable
from search_spaces.layers import Residual, conv_bn_act, round_channels

__all__ = ["BASELINE", "KITTI", "PointPillars", "Stage"]

KITTI = (0.0, -39.68, 69.12, 39.68)
"""The area of the paper's experiments on cars: smallest x and y, largest x and y, in meters."""


@searchable
class Stage:
    """Convolutions at one resolution, of which the first has the stride."""

    depth: int = choice(2, 4, 6, 8)
    width: int = choice(64, 128, 256)
    stride: int = choice(1, 2)
    kind: str = choice("plain", "residual")

    def build(self, in_channels: int, out_channels: int) -> nn.Module:
        """`depth` convolutions; in pairs with a residual connection where `kind` says so."""
        layers = [conv_bn_act(in_channels, out_channels, 3, stride=self.stride)]
        convs = [conv_bn_act(out_channels, out_channels, 3) for _ in range(self.depth - 1)]
        if self.kind == "plain":
            return nn.Sequential(*layers, *convs)
        pairs = [Residual(nn.Sequential(*convs[i : i + 2])) for i in range(0, len(convs), 2)]
        return nn.Sequential(*layers, *pairs)


@searchable
class PointPillars:
    """Features of pillars, scattered to an image, and a backbone for images.

    Attributes:
        pillar: Length of a pillar's sides, in meters.
        features: Features of a pillar.
        feature_layers: Linear layers of the pillar feature net; after the first of two, each point
            also gets the largest features of its pillar (Zhou and Tuzel 2018, "VoxelNet", CVPR,
            section 2.1.1).
        stages: The backbone. Each stage's output is up-sampled to the resolution of the first.
        up_width: Channels of each up-sampled map.
    """

    pillar: float = choice(0.12, 0.16, 0.2, 0.24, 0.32)
    features: int = choice(32, 64, 128)
    feature_layers: int = choice(1, 2)
    stages: tuple[Stage, ...] = repeat(Stage, 2, 4)
    up_width: int = choice(64, 128, 256)

    def build(
        self,
        *,
        in_channels: int = 4,
        outputs: int = 18,
        area: Sequence[float] = KITTI,
        width: float = 1.0,
        zoom: float = 1.0,
    ) -> nn.Module:
        """A module from clouds ``(N, points, in_channels)`` to maps ``(N, outputs, H, W)``.

        A point's first three numbers are x, y and z; H runs along y, W along x. Points outside
        `area` count as padding. H and W are those of the first stage: the area's sides divided by
        the pillar's, and by the stride.

        Args:
            in_channels: Numbers of a point, such as 4 with its reflectance.
            outputs: Scores of each place; 18 are a class, a box of 7 numbers and 1 direction for
                each of 2 anchors.
            area: Smallest x and y, largest x and y.
            width: Multiple of all channels, rounded to multiples of 4.
            zoom: Multiple of the pillar's sides, above 1 for a cheap proxy.
        """
        features = round_channels(self.features * width, divisor=4)
        rising = round_channels(self.up_width * width, divisor=4)
        pillars = _Pillars(in_channels, features, self.feature_layers, area, self.pillar * zoom)
        widths = [round_channels(stage.width * width, divisor=4) for stage in self.stages]
        stages = [
            stage.build(before, channels)
            for stage, before, channels in zip(
                self.stages, (features, *widths), widths, strict=False
            )
        ]
        factors, factor = [1], 1
        for stage in self.stages[1:]:
            factor *= stage.stride
            factors.append(factor)
        ups = [_up(c, rising, factor) for c, factor in zip(widths, factors, strict=True)]
        head = nn.Conv2d(rising * len(ups), outputs, 1)
        return nn.Sequential(pillars, _Backbone(stages, ups), head)


class _Pillars(nn.Module):
    """Features of each pillar from its points, as an image."""

    def __init__(
        self, in_channels: int, features: int, layers: int, area: Sequence[float], side: float
    ) -> None:
        super().__init__()
        self.origin, self.side = (area[0], area[1]), side
        self.columns = max(1, round((area[2] - area[0]) / side))
        self.rows = max(1, round((area[3] - area[1]) / side))
        # Beside its own numbers, a point has offsets from its pillar's mean and center.
        inputs = in_channels + 5
        self.layers = nn.ModuleList()
        for index in range(layers):
            last = index == layers - 1
            out = features if last else features // 2
            self.layers.append(_PointLayer(inputs, out))
            inputs = 2 * out

    def forward(self, clouds: Tensor) -> Tensor:
        count, points, numbers = clouds.shape
        pillar, inside = self._places(clouds)
        rows = count * (self.rows * self.columns + 1)
        flat = clouds.reshape(count * points, numbers)
        held = torch.where(inside[:, None], self._decorated(flat, pillar, rows), 0.0)
        for index, layer in enumerate(self.layers):
            made = layer(held)
            most = made.new_zeros(rows, made.shape[1])  # no activation is below 0
            most = most.scatter_reduce(0, pillar[:, None].expand_as(made), made, "amax")
            if index < len(self.layers) - 1:
                held = torch.cat([made, most[pillar]], dim=1)
        image: Tensor = most.reshape(count, -1, most.shape[1])[:, :-1]
        return image.mT.reshape(count, -1, self.rows, self.columns)

    def _places(self, clouds: Tensor) -> tuple[Tensor, Tensor]:
        """The pillar of each point, and whether it is inside; each cloud has one for the rest."""
        column = ((clouds[..., 0] - self.origin[0]) / self.side).floor()
        row = ((clouds[..., 1] - self.origin[1]) / self.side).floor()
        inside = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        outside = self.rows * self.columns
        pillar = torch.where(inside, row.long() * self.columns + column.long(), outside)
        first = torch.arange(len(clouds), device=clouds.device) * (outside + 1)
        return (pillar + first[:, None]).flatten(), inside.flatten()

    def _decorated(self, points: Tensor, pillar: Tensor, rows: int) -> Tensor:
        """Points with their offsets from the mean and the center of their pillars."""
        place = points[:, :3]
        total = place.new_zeros(rows, 3).index_add(0, pillar, place)
        number = place.new_zeros(rows).index_add(0, pillar, torch.ones_like(place[:, 0]))
        means = total / number.clamp_min(1)[:, None]
        within = pillar % (self.rows * self.columns + 1)
        column, row = within % self.columns, within // self.columns
        centers = torch.stack(
            [
                self.origin[0] + (column + 0.5) * self.side,
                self.origin[1] + (row + 0.5) * self.side,
            ],
            dim=1,
        )
        return torch.cat([points, place - means[pillar], place[:, :2] - centers], dim=1)


class _PointLayer(nn.Module):
    """The same linear layer for each point, batch normalization, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()
        )

    def forward(self, points: Tensor) -> Tensor:
        made: Tensor = self.layers(points)
        return made


class _Backbone(nn.Module):
    """Stages one after another; their outputs, up-sampled to the first one's size, side by side."""

    def __init__(self, stages: Sequence[nn.Module], ups: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stages, self.ups = nn.ModuleList(stages), nn.ModuleList(ups)

    def forward(self, image: Tensor) -> Tensor:
        maps: list[Tensor] = []
        for stage, up in zip(self.stages, self.ups, strict=True):
            image = stage(image)
            risen = up(image)
            # An odd length is rounded up on the way down.
            height, width = maps[0].shape[-2:] if maps else risen.shape[-2:]
            maps.append(risen[..., :height, :width])
        return torch.cat(maps, dim=1)


def _up(in_channels: int, out_channels: int, factor: int) -> nn.Module:
    """A transposed convolution, batch normalization, ReLU; a 1x1 convolution for a factor of 1."""
    conv = nn.ConvTranspose2d(in_channels, out_channels, factor, stride=factor, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU())


BASELINE = PointPillars(
    pillar=0.16,
    features=64,
    feature_layers=1,
    stages=(
        Stage(4, 64, 2, "plain"),
        Stage(6, 128, 2, "plain"),
        Stage(6, 256, 2, "plain"),
    ),
    up_width=128,
)
"""The paper's network for cars (section 3.1): S = 2 and C = 64."""
