"""Spaces for volumes and for point clouds, on made-up ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from raynas.space import Space, choice, repeat, searchable
from search_spaces import pillars, unet3d
from search_spaces.pillars import PointPillars, Stage
from search_spaces.unet3d import Block3d, Level3d, UNet3d

VOLUMES = Space(UNet3d, baseline=unet3d.BASELINE)
CLOUDS = Space(PointPillars, baseline=pillars.BASELINE)
AREA = (0.0, 0.0, 6.0, 4.0)


def members(space: Space[Any], count: int = 8) -> list[Any]:
    rng = np.random.default_rng(0)
    return [space.baseline, *(space.sample(rng) for _ in range(count))]


def assert_trains(network: nn.Module, scores: Tensor) -> None:
    assert scores.isfinite().all()
    scores.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


# Volumes.


def test_the_3d_u_net_has_the_parameters_that_the_paper_counts() -> None:
    """19,069,955 in section 2, which leaves out the scales of batch normalization."""
    network = unet3d.BASELINE.build()
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm3d)]
    scales = sum(norm.weight.numel() for norm in norms)
    assert sum(p.numel() for p in network.parameters()) - scales == 19_069_955


@searchable
class FewLevels(UNet3d):
    channels: int = choice(16, 32)
    growth: float = choice(1.5, 2.0)
    norm: str = choice("batch", "group")
    upsampling: str = choice("transposed", "trilinear")
    levels: tuple[Level3d, ...] = repeat(Level3d, 1, 2, tied=True)


def test_the_size_of_a_small_space_of_volumes_is_counted() -> None:
    space = Space(FewLevels)
    listed = list(space.enumerate())
    assert len(set(listed)) == len(listed) == space.size == 2 * 2 * 2 * 2 * 6 * (24 + 24)
    assert Space(Level3d).size == 24
    assert Space(Block3d).size == 6


@pytest.mark.parametrize("size", [(16, 32, 32), (9, 19, 21)])
def test_random_3d_u_nets_score_every_voxel_and_train(size: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    for architecture in members(VOLUMES):
        network = architecture.build(in_channels=1, num_classes=2, width=0.1)
        scores = network(torch.rand(2, 1, *size))
        assert scores.shape == (2, 2, *size)
        assert_trains(network, scores)


def test_flat_kernels_and_poolings_never_mix_slices() -> None:
    level = Level3d("plain", "flat", "in_slices", "concat")
    flat = replace(unet3d.BASELINE, levels=(level,) * 2, bottom=Block3d("plain", "flat"))
    network = flat.build(in_channels=1, width=0.1).eval()
    volume = torch.rand(1, 1, 5, 16, 16)
    changed = volume.clone()
    changed[:, :, 3:] += 1
    torch.testing.assert_close(network(volume)[:, :, :3], network(changed)[:, :, :3])
    mixing = replace(flat, bottom=Block3d("plain", "split")).build(in_channels=1, width=0.1).eval()
    assert not torch.allclose(mixing(volume)[:, :, :3], mixing(changed)[:, :, :3])


# Point clouds.


def clouds(count: int = 2, points: int = 60) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, points, 4, generator=generator) * torch.tensor([6.0, 4.0, 2.0, 1.0])


def test_point_pillars_has_the_parameters_of_known_code() -> None:
    """4,834,824 with the head for three classes of six anchors in the code of OpenPCDet."""
    network = pillars.BASELINE.build(outputs=6 * (3 + 7 + 2))
    assert sum(p.numel() for p in network.parameters()) == 4_834_824
    assert (network[0].rows, network[0].columns) == (496, 432)


@searchable
class FewStages(PointPillars):
    pillar: float = choice(0.16, 0.32)
    stages: tuple[Stage, ...] = repeat(Stage, 2, 3, tied=True)


def test_the_size_of_a_small_space_of_clouds_is_counted() -> None:
    space = Space(FewStages)
    listed = list(space.enumerate())
    assert len(set(listed)) == len(listed) == space.size == 2 * 3 * 2 * 3 * (48 + 48)
    assert Space(Stage).size == 48


def test_random_point_pillars_score_places_and_train() -> None:
    torch.manual_seed(0)
    for architecture in members(CLOUDS):
        network = architecture.build(outputs=3, area=AREA, width=0.1)
        scores = network(clouds())
        rows, columns = (round(side / architecture.pillar) for side in (4, 6))
        stride = architecture.stages[0].stride
        assert scores.shape == (2, 3, -(-rows // stride), -(-columns // stride))
        assert_trains(network, scores)


def test_features_of_pillars_are_those_of_a_loop_over_points() -> None:
    """Section 2.1 by hand: nine numbers a point, a linear layer, the largest of each pillar."""
    torch.manual_seed(0)
    network = pillars.BASELINE.build(area=AREA, width=0.1)[0].eval()
    cloud = clouds(count=1, points=200)
    image = network(cloud)[0]
    side = pillars.BASELINE.pillar
    expected = torch.zeros_like(image)
    inside = cloud[0][
        (cloud[0, :, 0] < network.columns * side) & (cloud[0, :, 1] < network.rows * side)
    ]
    places = [(int(y // side), int(x // side)) for x, y, *_ in inside.tolist()]
    for place in set(places):
        own = inside[[other == place for other in places]]
        center = torch.tensor([(place[1] + 0.5) * side, (place[0] + 0.5) * side])
        nine = torch.cat([own, own[:, :3] - own[:, :3].mean(dim=0), own[:, :2] - center], dim=1)
        expected[:, place[0], place[1]] = network.layers[0](nine).amax(dim=0)
    assert len(set(places)) < len(places)
    torch.testing.assert_close(image, expected)


def test_points_outside_and_their_order_do_not_matter() -> None:
    torch.manual_seed(0)
    network = replace(pillars.BASELINE, feature_layers=2).build(area=AREA, width=0.1).eval()
    cloud = clouds()
    shuffled = cloud[:, torch.randperm(cloud.shape[1])]
    torch.testing.assert_close(network(cloud), network(shuffled))
    outside = torch.tensor([[-1.0, 2.0, 0, 0], [9.0, 1.0, 0, 0], [torch.nan] * 4]).expand(2, 3, 4)
    torch.testing.assert_close(network(cloud), network(torch.cat([cloud, outside], dim=1)))


# Trained by Lightning.


@dataclass(frozen=True)
class PixelsLast:
    """An architecture whose network gives the scores of each place in the last dimension."""

    architecture: Any
    arguments: tuple[tuple[str, Any], ...]

    def build(self) -> nn.Module:
        network = self.architecture.build(width=0.1, **dict(self.arguments))
        return nn.Sequential(network, _Last())


class _Last(nn.Module):
    def forward(self, scores: Tensor) -> Tensor:
        return scores.movedim(1, -1)


def test_a_3d_u_net_is_trained_by_lightning_to_find_balls(train_ten_steps: Any) -> None:
    axis = torch.arange(12) - 5.5
    distance = (axis**2 + (axis**2)[:, None] + (axis**2)[:, None, None]).sqrt()
    radii = torch.linspace(2, 5, 40)
    balls = distance < radii[:, None, None, None]
    volumes = balls[:, None] + 0.3 * torch.randn(40, 1, 12, 12, 12)
    small = replace(unet3d.BASELINE, levels=unet3d.BASELINE.levels[:2])
    architecture = PixelsLast(small, (("in_channels", 1), ("num_classes", 2)))
    train_ten_steps(architecture, (volumes, balls.long()))


def test_point_pillars_is_trained_by_lightning_to_find_full_places(train_ten_steps: Any) -> None:
    cloud = clouds(count=40)
    network = pillars.BASELINE.build(area=AREA, outputs=2, zoom=2.0)
    full = (network[0](cloud).amax(dim=1) > 0)[:, ::2, ::2].long()
    arguments = (("outputs", 2), ("area", AREA), ("zoom", 2.0))
    train_ten_steps(PixelsLast(pillars.BASELINE, arguments), (cloud, full))
