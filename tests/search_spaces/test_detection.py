"""The head space for detection, and boxes: each formula against another way to compute it."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from raynas.space import Space, choice, searchable
from raynas.tasks import Context
from search_spaces import detection
from search_spaces.boxes import (
    Detections,
    average_precision,
    box_iou,
    detection_loss,
    detections_of,
    mean_average_precision,
    places_of,
    suppressed,
    targets_of,
)
from search_spaces.detection import FCOS, Tower
from search_spaces.resnet import ResNet, Stage

SPACE = Space(FCOS, baseline=detection.BASELINE)
BACKBONE = ResNet("basic", "small", (Stage(1, 1.0),) * 4)
SMALL: dict[str, Any] = {"in_channels": 1, "num_classes": 3, "backbone": BACKBONE, "width": 0.1}
CLASSES = 3


def boxes_like(generator: torch.Generator, *shape: int, size: int = 32) -> Tensor:
    starts = torch.rand(*shape, 2, generator=generator) * (size - 8)
    return torch.cat([starts, starts + 2 + 10 * torch.rand(*shape, 2, generator=generator)], dim=-1)


def scene(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Boxes and labels of four images, of which one has no box."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(-1, CLASSES, (4, 5), generator=generator)
    labels[1] = -1
    return boxes_like(generator, 4, 5), labels


# The network.


def test_fcos_has_the_parameters_of_known_code() -> None:
    """32,269,600 in torchvision, with fixed normalization and without a factor for each level."""
    with torch.device("meta"):
        network = detection.BASELINE.build(num_classes=91)
    fixed = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    left_out = sum(p.numel() for norm in fixed for p in norm.parameters()) + 5
    assert sum(p.numel() for p in network.parameters()) - left_out == 32_269_600
    assert network.strides == [8, 16, 32, 64, 128]


@searchable
class FewHeads(FCOS):
    classification: Tower = choice(Tower)
    regression: Tower = choice(Tower(1, 64, 3, "plain"), Tower(2, 64, 3, "plain"))
    norm: str = choice("group", "batch")
    centerness: str = choice("classification", "none")


def test_the_size_of_a_small_space_is_counted() -> None:
    space = Space(FewHeads)
    listed = list(space.enumerate())
    assert len(set(listed)) == len(listed) == space.size == 48 * 2 * 2 * 2 * 2 * 2 * 3
    assert SPACE.size == Space(Tower).size ** 2 * 2 * 3 * 2 * 2 * 3


def test_random_heads_give_numbers_for_every_place_and_train() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    boxes, labels = scene()
    images = torch.rand(4, 1, 33, 35)
    for architecture in [SPACE.baseline, *(SPACE.sample(rng) for _ in range(8))]:
        network = architecture.build(**SMALL, coarser=1)
        places = places_of(33, 35, network.strides)
        outputs = network(images)
        centerness = architecture.centerness != "none"
        assert outputs.shape == (4, len(places), CLASSES + 4 + centerness)
        loss = detection_loss(outputs, boxes, labels, places, CLASSES)
        loss.backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
        assert all(p.grad is not None for p in network.heads.parameters())


def test_a_head_that_is_not_shared_is_one_for_each_level() -> None:
    from dataclasses import replace

    shared = detection.BASELINE.build(**SMALL)
    own = replace(detection.BASELINE, shared=False).build(**SMALL)
    assert (len(shared.heads), len(own.heads)) == (1, 5)


# Places and targets.


def test_places_lie_in_the_middle_of_their_cells() -> None:
    found = places_of(5, 4, [2, 4])
    assert found[:6].tolist() == [[1, 1, 2], [3, 1, 2], [1, 3, 2], [3, 3, 2], [1, 5, 2], [3, 5, 2]]
    assert found[6:].tolist() == [[2, 2, 4], [2, 6, 4]]


def test_targets_are_those_of_a_loop_over_places() -> None:
    places = places_of(32, 32, [2, 4, 8])
    boxes, labels = scene(seed=3)
    classes, distances = targets_of(boxes, labels, places)
    for image in range(4):
        for place, (x, y, stride) in enumerate(places.tolist()):
            best: tuple[float, int, list[float]] = (float("inf"), -1, [])
            for (left, top, right, bottom), label in zip(
                boxes[image].tolist(), labels[image].tolist(), strict=True
            ):
                sides = [x - left, y - top, right - x, bottom - y]
                low = 0 if stride == 2 else 4 * stride
                high = float("inf") if stride == 8 else 8 * stride
                area = (right - left) * (bottom - top)
                if label >= 0 and min(sides) > 0 and low < max(sides) <= high and area < best[0]:
                    best = (area, label, sides)
            assert int(classes[image, place]) == best[1]
            if best[1] >= 0:
                assert distances[image, place].tolist() == pytest.approx(best[2], abs=1e-4)
    assert (classes >= 0).any()
    assert (classes[1] == -1).all()


def perfect(boxes: Tensor, labels: Tensor, places: Tensor) -> Tensor:
    """Outputs of a network that knows the boxes, with the centerness of each place."""
    classes, distances = targets_of(boxes, labels, places)
    scores = torch.full((*classes.shape, CLASSES), -20.0)
    scores[classes >= 0] = 40.0 * nn.functional.one_hot(classes[classes >= 0], CLASSES) - 20
    near, far = distances[..., :2], distances[..., 2:]
    shares = near.minimum(far) / near.maximum(far)
    centers = shares.clamp(1e-6, 1 - 1e-6).prod(dim=-1).sqrt()
    return torch.cat([scores, distances, centers.logit()[..., None]], dim=-1)


def test_a_network_that_knows_the_boxes_has_the_least_loss_and_finds_them_all() -> None:
    generator = torch.Generator().manual_seed(5)
    places = places_of(32, 32, [2, 4])
    boxes, labels = boxes_like(generator, 4, 1), torch.randint(0, CLASSES, (4, 1))
    best = perfect(boxes, labels, places)
    least = detection_loss(best, boxes, labels, places, CLASSES)
    for _ in range(5):
        other = best + 0.3 * torch.randn(best.shape, generator=generator)
        assert detection_loss(other, boxes, labels, places, CLASSES) > least
    found = detections_of(best, places, CLASSES)
    assert mean_average_precision(found, boxes, labels) == pytest.approx(1.0)
    torch.testing.assert_close(torch.cat([one.boxes[:1] for one in found]), boxes[:, 0])


# Overlaps, suppression and average precision.


def iou(one: Sequence[float], other: Sequence[float]) -> float:
    """Of two boxes with whole numbers, by counting pixels."""
    cells = [{(x, y) for x in range(int(a), int(c)) for y in range(int(b), int(d))}
             for a, b, c, d in (one, other)]  # fmt: skip
    return len(cells[0] & cells[1]) / len(cells[0] | cells[1])


def test_overlaps_are_those_of_counted_pixels() -> None:
    generator = torch.Generator().manual_seed(1)
    one, other = (boxes_like(generator, 6, size=20).round() for _ in range(2))
    expected = [[iou(a, b) for b in other.tolist()] for a in one.tolist()]
    torch.testing.assert_close(box_iou(one, other), torch.tensor(expected))


def random_detections(generator: torch.Generator, count: int) -> Detections:
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    scores = torch.rand(count, generator=generator)
    return Detections(boxes_like(generator, count, size=16), labels, scores)


def test_suppression_keeps_what_no_better_kept_box_overlaps() -> None:
    generator = torch.Generator().manual_seed(2)
    for _ in range(10):
        found = random_detections(generator, 12)
        overlaps, kept = box_iou(found.boxes, found.boxes), []
        for one in sorted(range(12), key=lambda i: -float(found.scores[i])):
            if all(overlaps[one, k] <= 0.3 or found.labels[one] != found.labels[k] for k in kept):
                kept.append(one)
        assert suppressed(found, 0.3).tolist() == kept


def precision_by_hand(found: Sequence[Detections], true: Sequence[Tensor], overlap: float) -> float:
    """Matches every prefix of the ranking anew, and takes the best precision for each recall."""
    ranking = sorted(
        ((float(s), image, box) for image, one in enumerate(found)
         for s, box in zip(one.scores, one.boxes, strict=True)),
        key=lambda entry: -entry[0],
    )  # fmt: skip
    total = sum(map(len, true))
    points = []
    for end in range(1, len(ranking) + 1):
        taken: set[tuple[int, int]] = set()
        for _, image, box in ranking[:end]:
            free = [
                (float(box_iou(box[None], own[None])), (image, k))
                for k, own in enumerate(true[image])
                if (image, k) not in taken
            ]
            if free and max(free)[0] >= overlap:
                taken.add(max(free)[1])
        points.append((len(taken) / total, len(taken) / end))
    return (
        sum(
            max((p for r, p in points if r >= step / 100 - 1e-12), default=0.0)
            for step in range(101)
        )
        / 101
    )


@pytest.mark.parametrize("seed", range(6))
def test_average_precision_is_that_of_every_prefix_matched_anew(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    true = [boxes_like(generator, count, size=16) for count in (3, 0, 2)]
    found = []
    for boxes in true:
        near = boxes + torch.randn(boxes.shape, generator=generator)
        more = torch.cat([near, near + 1, boxes_like(generator, 3, size=16)])
        scores = torch.rand(len(more), generator=generator)
        found.append(Detections(more, torch.zeros(len(more)), scores))
    for overlap in (0.3, 0.5, 0.75):
        expected = precision_by_hand(found, true, overlap)
        assert average_precision(found, true, overlap) == pytest.approx(expected, abs=1e-9)


def test_the_mean_is_over_classes_that_occur_and_overlaps() -> None:
    boxes = torch.tensor([[[0.0, 0, 10, 10], [20, 20, 30, 30]]])
    labels = torch.tensor([[0, 2]])
    found = [Detections(boxes[0, :1] + torch.tensor([0.0, 0, 0, 2]), labels[0, :1], torch.ones(1))]
    assert mean_average_precision(found, boxes, labels) == pytest.approx(0.5)
    assert mean_average_precision(found, boxes, labels, (0.5, 0.9)) == pytest.approx(0.25)
    wrong = [Detections(boxes[0], torch.tensor([1, 1]), torch.ones(2))]
    assert mean_average_precision(wrong, boxes, labels) == 0
    assert np.isnan(mean_average_precision(found, boxes, torch.full((1, 2), -1)))


# End to end.


def example() -> Any:
    file = Path(__file__).parents[2] / "examples" / "detection.py"
    spec = importlib.util.spec_from_file_location("detection_example", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_boxes_are_found_end_to_end() -> None:
    """The example's task learns something in a few steps; by chance the metric is about 0."""
    made = example()
    task = made.search.task
    task.max_steps = 50
    measurement = task.run(made.BASELINE, Context(seed=0))
    assert measurement.steps == 50
    untrained = made.Finder(made.BASELINE.build(**task.build)).eval()
    images, boxes, labels = made.scenes(40, seed=2).tensors
    with torch.no_grad():
        found = detections_of(untrained.network(images), untrained.places, made.CLASSES)
    chance = mean_average_precision(found, boxes, labels)
    assert chance < 0.05
    assert measurement.metrics["mean_average_precision"] > chance + 0.1
