"""The ready spaces for images: their sizes, their baselines, and random members of them at work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import comb, factorial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from raynas.space import Space, searchable
from search_spaces import (
    darts,
    detection,
    efficientnetv2,
    fpn,
    mnasnet,
    nasbench201,
    nasbench_macro,
    pillars,
    resnet,
    scaling,
    spinenet,
    unet,
    unet3d,
)

MEMBERS = 10


@dataclass(frozen=True)
class Case:
    """A space, its exact size, its baseline's published parameters, and how to build it small."""

    module: Any
    root: type[Any]
    size: int
    parameters: int
    small: dict[str, Any]

    def __str__(self) -> str:
        return self.root.__name__


CASES = [
    Case(
        nasbench201,
        nasbench201.NASBench201Cell,
        15_625,
        559_386,
        {"channels": 4, "cells_per_stage": 1},
    ),
    Case(nasbench_macro, nasbench_macro.NASBenchMacro, 6_561, 1_588_874, {"channels": 4}),
    Case(
        darts,
        darts.DARTS,
        1_076_746_950_455_072_400,
        3_349_342,
        {"channels": 4, "cells": 3},
    ),
    Case(mnasnet, mnasnet.MnasNet, 6_499_837_226_778_624, 3_887_038, {"width": 0.1}),
    Case(
        efficientnetv2,
        efficientnetv2.EfficientNetV2,
        2_176_782_336,
        21_458_488,
        {"width": 0.1, "depth": 0.1},
    ),
    Case(resnet, resnet.ResNet, 15_360_000, 11_689_512, {"width": 0.1}),
    Case(fpn, fpn.NASFPN, 3_017_710_080_000_000, 29_256_704, {"channels": 8, "repeats": 1}),
    Case(unet, unet.UNet, 288_100_800, 31_037_698, {"width": 0.1}),
    Case(scaling, scaling.Scaling, 448, 3_887_038, {"width": 0.1, "depth": 0.3}),
    Case(
        spinenet,
        spinenet.SpineNet,
        198_523_971_523_925_609_914_910_638_080_000_000,
        21_831_488,
        {"width": 0.06, "channels": 8},
    ),
    Case(unet3d, unet3d.UNet3d, 74_779_200, 19_072_291, {}),
    Case(pillars, pillars.PointPillars, 487_918_080, 4_814_034, {}),
    Case(detection, detection.FCOS, 165_888, 32_297_370, {}),
]
NO_CLASSIFIERS = (
    fpn.NASFPN,
    unet.UNet,
    unet3d.UNet3d,
    pillars.PointPillars,
    detection.FCOS,
)
CLASSIFIERS = [case for case in CASES if case.root not in NO_CLASSIFIERS]
all_spaces = pytest.mark.parametrize("case", CASES, ids=str)
all_classifiers = pytest.mark.parametrize("case", CLASSIFIERS, ids=str)


def members(root: type[Any], seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [Space(root).sample(rng) for _ in range(MEMBERS)]


def images(channels: int = 3, size: int = 8) -> Tensor:
    return torch.rand(2, channels, size, size, generator=torch.Generator().manual_seed(0))


def parameters(architecture: Any, **arguments: Any) -> int:
    with torch.device("meta"):
        network = architecture.build(**arguments)
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(architecture: Any, resolution: int) -> int:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        architecture.build().eval()(torch.zeros(1, 3, resolution, resolution))
    return counter.get_total_flops() // 2


def assert_trains(network: nn.Module, scores: Tensor) -> None:
    """The scores are finite, and so is the gradient, which reaches some parameter."""
    assert scores.isfinite().all()
    scores.square().mean().backward()
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


@all_spaces
def test_the_size_is_the_known_total(case: Case) -> None:
    assert Space(case.root).size == case.size


@all_spaces
def test_the_baseline_lies_in_the_space_and_survives_json(case: Case) -> None:
    space = Space(case.root)
    space.check(case.module.BASELINE)
    assert space.from_json(space.to_json(case.module.BASELINE)) == case.module.BASELINE


@all_spaces
def test_the_baseline_builds_without_arguments_and_has_the_known_parameters(case: Case) -> None:
    assert parameters(case.module.BASELINE) == case.parameters


@all_spaces
def test_all_that_is_public_is_listed(case: Case) -> None:
    assert "BASELINE" in case.module.__all__
    assert case.root.__name__ in case.module.__all__
    assert all(hasattr(case.module, name) for name in case.module.__all__)


@all_classifiers
def test_random_members_classify_images_and_train(case: Case) -> None:
    torch.manual_seed(0)
    for architecture in [case.module.BASELINE, *members(case.root)]:
        network = architecture.build(in_channels=1, num_classes=5, **case.small)
        scores = network(images(channels=1))
        assert scores.shape == (2, 5)
        assert_trains(network, scores)


@all_classifiers
def test_an_odd_resolution_does_not_matter(case: Case) -> None:
    for architecture in members(case.root)[:3]:
        network = architecture.build(num_classes=5, **case.small).eval()
        assert network(images(size=11)).shape == (2, 5)


@dataclass(frozen=True)
class Small:
    """An architecture whose `build` makes the small network of its case, for 8 x 8 digits."""

    architecture: Any
    arguments: dict[str, Any]

    def build(self) -> nn.Module:
        network: nn.Module = self.architecture.build(
            in_channels=1, num_classes=10, **self.arguments
        )
        return network


@all_classifiers
def test_the_baseline_is_trained_by_lightning_on_digits(case: Case, train_ten_steps: Any) -> None:
    digits = load_digits()
    pixels = torch.tensor(digits.images[:320], dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(digits.target[:320])
    train_ten_steps(Small(case.module.BASELINE, case.small), (pixels, labels))


@pytest.mark.parametrize("size", [16, 11])
def test_random_u_nets_score_every_pixel_and_train(size: int) -> None:
    torch.manual_seed(0)
    for architecture in [unet.BASELINE, *members(unet.UNet)]:
        network = architecture.build(in_channels=1, num_classes=3, width=0.1)
        scores = network(images(channels=1, size=size))
        assert scores.shape == (2, 3, size, size)
        assert_trains(network, scores)


def test_random_pyramids_keep_all_resolutions_and_train() -> None:
    torch.manual_seed(0)
    widths, sizes = (4, 4, 6, 6, 8), (13, 7, 4, 2, 1)
    features = [torch.rand(2, w, s, s) for w, s in zip(widths, sizes, strict=True)]
    for architecture in [fpn.BASELINE, *members(fpn.NASFPN)]:
        network = architecture.build(in_channels=widths, channels=8, repeats=2)
        maps = network(features)
        assert [tuple(x.shape) for x in maps] == [(2, 8, size, size) for size in sizes]
        assert_trains(network, torch.cat([x.flatten() for x in maps]))


def test_a_pyramid_is_trained_on_class_labels() -> None:
    pyramid = fpn.BASELINE.build(in_channels=(8,) * 5, channels=8, repeats=1)
    network = fpn.PyramidClassifier(pyramid, channels=8, in_channels=1, num_classes=5)
    scores = network(images(channels=1))
    assert scores.shape == (2, 5)
    assert_trains(network, scores)


def test_a_pyramid_adds_unused_feature_maps_to_the_output_of_their_level() -> None:
    """The baseline's cells never take the input of level 5, yet its gradient is not zero."""
    widths = (8,) * 5
    network = fpn.BASELINE.build(in_channels=widths, channels=8, repeats=1)
    features = [torch.rand(2, 8, 2**i, 2**i, requires_grad=True) for i in range(4, -1, -1)]
    network(features)[2].square().sum().backward()
    assert 2 not in set().union(*fpn.BASELINE.inputs)
    assert features[2].grad is not None
    assert features[2].grad.abs().sum() > 0


# What the papers and benchmarks publish.


def test_darts_has_the_cells_of_the_paper() -> None:
    """Nodes have 2 to 5 predecessors, each node two operations out of seven."""
    cells = 7**8
    for predecessors in range(2, 6):
        cells *= comb(predecessors, 2)
    assert Space(darts.Cell).size == cells == 1_037_664_180


def test_a_block_of_mnasnet_has_432_forms_as_in_the_paper() -> None:
    assert Space(mnasnet.Block).size == 432


def test_the_pyramid_counts_unordered_pairs() -> None:
    pairs = 1
    for feature_maps in range(5, 12):
        pairs *= comb(feature_maps, 2)
    assert Space(fpn.NASFPN).size == pairs * 2**7 * 5**2 * factorial(5)


def test_nas_bench_macro_makes_3969_different_networks() -> None:
    """An identity after the first layer of a stage does nothing."""
    networks = set()
    for architecture in Space(nasbench_macro.NASBenchMacro).enumerate():
        starts = [sum(nasbench_macro.STAGES[:stage]) for stage in range(4)]
        stages = (architecture.layers[a:b] for a, b in pairwise(starts))
        networks.add(
            tuple((first, *(op for op in rest if op != "identity")) for first, *rest in stages)
        )
    assert len(networks) == 3969


def test_nas_bench_201_has_the_parameters_of_its_table() -> None:
    published = {"000000": 73_306, "421211": 129_306, "334131": 802_426, "333333": 1_531_546}
    for key, expected in published.items():
        cell = nasbench201.NASBench201Cell(tuple(nasbench201.OPERATIONS[int(d)] for d in key))
        assert cell.key == key
        assert parameters(cell) == expected


def test_nas_bench_macro_has_the_parameters_and_flops_of_its_table() -> None:
    published = {
        "00000000": (387_882, 7_713_280),
        "11111111": (1_588_874, 53_246_464),
        "22222222": (2_932_586, 105_660_928),
    }
    for key, expected in published.items():
        layers = tuple(nasbench_macro.OPERATIONS[int(digit)] for digit in key)
        network = nasbench_macro.NASBenchMacro(layers)
        assert network.key == key
        assert (parameters(network), multiply_adds(network, 32)) == expected


def test_resnets_have_their_known_parameters() -> None:
    assert parameters(resnet.RESNET18) == 11_689_512
    assert parameters(resnet.RESNET34) == 21_797_672
    assert parameters(resnet.RESNET50) == 25_557_032
    for published in (resnet.RESNET18, resnet.RESNET34, resnet.RESNET50):
        Space(resnet.ResNet).check(published)


def test_mnasnet_a1_has_312_million_multiply_adds_as_in_the_paper() -> None:
    assert round(multiply_adds(mnasnet.BASELINE, 224) / 1e6) == 312


# Scaling a found architecture up.


def test_the_compound_scalings_of_efficientnet_lie_in_the_space() -> None:
    b1_to_b7 = [
        (1.1, 1.0, 1.07),
        (1.2, 1.1, 1.16),
        (1.4, 1.2, 1.34),
        (1.8, 1.4, 1.7),
        (2.2, 1.6, 2.04),
        (2.6, 1.8, 2.36),
        (3.1, 2.0, 2.68),
    ]
    costs = []
    for depth, width, resolution in b1_to_b7:
        scaled = scaling.Scaling(depth, width, resolution)
        Space(scaling.Scaling).check(scaled)
        costs.append(scaled.relative_flops)
    assert costs == sorted(costs)


def test_a_scaled_network_costs_about_what_its_relative_flops_say() -> None:
    base = multiply_adds(scaling.BASELINE, 64)
    for change in ({"depth": 2.2}, {"width": 2.0}, {"resolution": 2.04}):
        scaled = replace(scaling.BASELINE, **change)
        grown = multiply_adds(scaled, 64) / base
        assert grown == pytest.approx(scaled.relative_flops, rel=0.3)


@searchable
class MyScaling(scaling.Scaling):
    base: scaling.Scalable = efficientnetv2.BASELINE


def test_another_architecture_is_scaled_by_a_subclass_with_another_base() -> None:
    assert Space(MyScaling).size == 448
    baseline = MyScaling(depth=1.0, width=1.0, resolution=1.0)
    Space(MyScaling).check(baseline)
    assert parameters(baseline) == parameters(efficientnetv2.BASELINE)


def test_the_paths_of_a_nas_bench_201_cell_are_those_through_its_used_edges() -> None:
    cells = Space(nasbench201.NASBench201Cell)
    assert cells.paths(nasbench201.BASELINE) == {
        "skip_connect",
        "nor_conv_3x3>nor_conv_3x3>skip_connect",
    }
    full = nasbench201.NASBench201Cell(("nor_conv_1x1",) * 6)
    assert len(list(full.graph().paths())) == 4


class PixelsLast(nn.Module):
    """Scores of each pixel in the last dimension, as the loss of these tests takes them."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.network(images)
        return scores.movedim(1, -1)


@dataclass(frozen=True)
class Wrapped:
    """An architecture whose network is put into another module."""

    make: Any

    def build(self) -> nn.Module:
        network: nn.Module = self.make()
        return network


def digits(size: int = 320) -> tuple[torch.Tensor, torch.Tensor]:
    data = load_digits()
    pixels = torch.tensor(data.images[:size], dtype=torch.float32).unsqueeze(1) / 16
    return pixels, torch.tensor(data.target[:size])


def test_a_u_net_is_trained_by_lightning_to_find_the_strokes_of_digits(
    train_ten_steps: Any,
) -> None:
    pixels, _ = digits()
    strokes = (pixels.squeeze(1) > 0.5).long()
    architecture = Wrapped(
        lambda: PixelsLast(unet.BASELINE.build(in_channels=1, num_classes=2, width=0.1))
    )
    train_ten_steps(architecture, (pixels, strokes))


def test_a_pyramid_is_trained_by_lightning_on_digits(train_ten_steps: Any) -> None:
    def make() -> nn.Module:
        pyramid = fpn.BASELINE.build(in_channels=(8,) * 5, channels=8, repeats=1)
        return fpn.PyramidClassifier(pyramid, channels=8, in_channels=1, num_classes=10)

    train_ten_steps(Wrapped(make), digits())
