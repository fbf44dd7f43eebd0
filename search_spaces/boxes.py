"""Boxes for detectors: places, targets, loss, non-maximum suppression and average precision.

For the networks of `search_spaces.detection`. Boxes are ``(left, top, right, bottom)`` in pixels.
Sections are those of Tian et al. 2019, "FCOS: Fully Convolutional One-Stage Object Detection",
ICCV.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "Detections",
    "average_precision",
    "box_iou",
    "detection_loss",
    "detections_of",
    "mean_average_precision",
    "places_of",
    "suppressed",
    "targets_of",
]

_ALPHA, _GAMMA = 0.25, 2.0
_RECALLS = 101


class Detections(NamedTuple):
    """Boxes of an image, shape ``(count, 4)``, with their labels and scores."""

    boxes: Tensor
    labels: Tensor
    scores: Tensor


def places_of(height: int, width: int, strides: Sequence[int]) -> Tensor:
    """All places of all levels, the finest first, as ``(x, y, stride)``, shape ``(places, 3)``.

    Args:
        height: Height of the images.
        width: Width of the images.
        strides: Pixels between the places of each level.
    """
    levels = []
    for stride in strides:
        rows, columns = torch.meshgrid(
            torch.arange(-(-height // stride)), torch.arange(-(-width // stride)), indexing="ij"
        )
        xs, ys = (stride // 2 + stride * axis.flatten() for axis in (columns, rows))
        levels.append(torch.stack([xs, ys, torch.full_like(xs, stride)], dim=1))
    return torch.cat(levels).float()


def targets_of(boxes: Tensor, labels: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Class and distances of each place (sections 3.1 and 3.2).

    A place belongs to the smallest box that it lies in, of those whose farthest side is at 4 to 8
    strides from it; the finest level also takes nearer sides and the coarsest also farther ones.

    Args:
        boxes: Shape ``(images, boxes, 4)``.
        labels: Shape ``(images, boxes)``; below 0 for no box, so that images can have fewer.
        places: What `places_of` gives.

    Returns:
        Classes, shape ``(images, places)``, -1 for background, and the distances to the left, top,
        right and bottom of the box, shape ``(images, places, 4)``.
    """
    x, y, stride = places.unbind(dim=1)
    here = torch.stack([x, y], dim=1)[:, None]
    starts, ends = here - boxes[:, None, :, :2], boxes[:, None, :, 2:] - here
    distances = torch.cat([starts, ends], dim=-1)
    farthest = distances.amax(dim=-1)
    low = torch.where(stride == stride.min(), 0.0, 4 * stride)[:, None]
    high = torch.where(stride == stride.max(), torch.inf, 8 * stride)[:, None]
    holds = distances.amin(dim=-1) > 0
    holds &= (low < farthest) & (farthest <= high) & (labels >= 0)[:, None]
    areas = (boxes[..., 2:] - boxes[..., :2]).prod(dim=-1)[:, None].expand_as(farthest)
    smallest, box = torch.where(holds, areas, torch.inf).min(dim=-1)
    classes = torch.where(smallest < torch.inf, labels.gather(1, box), -1)
    return classes, distances.gather(2, box[..., None, None].expand(-1, -1, 1, 4))[:, :, 0]


def detection_loss(
    outputs: Tensor, boxes: Tensor, labels: Tensor, places: Tensor, classes: int
) -> Tensor:
    """Focal loss of the classes, IoU loss of the boxes and cross-entropy of the centerness.

    Each is divided by the number of places that belong to a box (section 3.1, equation 2). Boxes
    count by their centerness (section 3.2).

    Args:
        outputs: Those of the network, shape ``(images, places, classes + 4 or 5)``.
        boxes: As for `targets_of`.
        labels: As for `targets_of`.
        places: As for `targets_of`.
        classes: Number of classes.
    """
    found, distances = targets_of(boxes, labels, places)
    held = found >= 0
    count = held.sum().clamp_min(1)
    hot = functional.one_hot(found.clamp_min(0), classes).to(outputs) * held[..., None]
    loss = _focal(outputs[..., :classes], hot).sum() / count
    near, far = distances[held], outputs[..., classes : classes + 4][held]
    centerness = _centerness(near)
    boxed = -_distance_iou(near, far).clamp_min(1e-6).log() * centerness
    loss = loss + boxed.sum() / centerness.sum().clamp_min(1e-6)
    if outputs.shape[-1] > classes + 4:
        logits = outputs[..., -1][held]
        entropy = functional.binary_cross_entropy_with_logits(logits, centerness, reduction="sum")
        loss = loss + entropy / count
    return loss


def detections_of(
    outputs: Tensor,
    places: Tensor,
    classes: int,
    *,
    threshold: float = 0.05,
    candidates: int = 200,
    most: int = 100,
    overlap: float = 0.6,
) -> list[Detections]:
    """The boxes of each image, best first.

    Args:
        outputs: Those of the network, shape ``(images, places, classes + 4 or 5)``.
        places: What `places_of` gives for the images.
        classes: Number of classes.
        threshold: Class scores below this are left out.
        candidates: Class scores that are looked at in each image, the highest ones.
        most: The most boxes of an image.
        overlap: Intersection over union above which only the better of two boxes is kept.
    """
    scores = outputs[..., :classes].sigmoid()
    weights = torch.ones_like(scores[..., :1])
    if outputs.shape[-1] > classes + 4:
        weights = outputs[..., -1:].sigmoid()
    distances = outputs[..., classes : classes + 4]
    here = places[:, :2]
    boxes = torch.cat([here - distances[..., :2], here + distances[..., 2:]], dim=-1)
    ranked = torch.where(scores > threshold, scores * weights, 0.0).flatten(1)
    values, order = ranked.topk(min(candidates, ranked.shape[1]))
    found = []
    for image, (value, index) in enumerate(zip(values, order, strict=True)):
        index, value = index[value > 0], value[value > 0]
        all_of_it = Detections(boxes[image, index // classes], index % classes, value)
        kept = suppressed(all_of_it, overlap)[:most]
        found.append(Detections(*(part[kept] for part in all_of_it)))
    return found


def suppressed(found: Detections, overlap: float) -> Tensor:
    """Non-maximum suppression: which boxes to keep, best first.

    A box is dropped where a better one of the same label that is kept overlaps it by more than
    `overlap`.
    """
    order = found.scores.argsort(descending=True, stable=True)
    boxes, labels = found.boxes[order], found.labels[order]
    close = (box_iou(boxes, boxes) > overlap) & (labels[:, None] == labels)
    kept: list[int] = []
    for one in range(len(order)):
        if not close[one, kept].any():
            kept.append(one)
    return order[kept]


def box_iou(one: Tensor, other: Tensor) -> Tensor:
    """Intersection over union of each box of one with each of the other, ``(ones, others)``."""
    starts = torch.maximum(one[:, None, :2], other[:, :2])
    ends = torch.minimum(one[:, None, 2:], other[:, 2:])
    both = (ends - starts).clamp_min(0).prod(dim=-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(dim=-1) for boxes in (one, other)]
    return both / (areas[0][:, None] + areas[1] - both).clamp_min(1e-9)


def mean_average_precision(
    found: Sequence[Detections],
    boxes: Tensor,
    labels: Tensor,
    overlaps: Sequence[float] = (0.5,),
) -> float:
    """The mean of the average precision over classes that occur and over `overlaps`.

    Args:
        found: Boxes of each image.
        boxes: The true ones, shape ``(images, boxes, 4)``.
        labels: Shape ``(images, boxes)``; below 0 for no box.
        overlaps: Intersections over union from which on a box counts as found; COCO's metric
            takes 0.5, 0.55 and so on to 0.95.

    Returns:
        NaN where there is no true box.
    """
    values = [
        average_precision(
            [Detections(*(part[one.labels == label] for part in one)) for one in found],
            [own[its == label] for own, its in zip(boxes, labels, strict=True)],
            overlap,
        )
        for label in sorted(set(labels[labels >= 0].tolist()))
        for overlap in overlaps
    ]
    return sum(values) / len(values) if values else float("nan")


def average_precision(found: Sequence[Detections], true: Sequence[Tensor], overlap: float) -> float:
    """Average precision of one class, as COCO's evaluation has it.

    Boxes of all images, best first, each find the true box of their image that they overlap most,
    of those that none before has found, if by `overlap` or more. The precision at a recall is the
    largest at this recall or a larger one; the mean is over the recalls 0, 0.01 and so on to 1.

    Args:
        found: Boxes of each image.
        true: True boxes of each image.
        overlap: Intersection over union from which on a box counts as found.
    """
    total = sum(len(boxes) for boxes in true)
    scores = torch.cat([one.scores for one in found])
    hits = torch.cat([_hits(one, boxes, overlap) for one, boxes in zip(found, true, strict=True)])
    if not total or not len(hits):
        return 0.0
    hits = hits[scores.argsort(descending=True, stable=True)].double()
    right = hits.cumsum(0)
    recalls = right / total
    precisions = right / torch.arange(1, len(hits) + 1, device=hits.device)
    # From the end on, so that each is the largest at its recall or a larger one.
    precisions = precisions.flip(0).cummax(0).values.flip(0)
    wanted = torch.linspace(0, 1, _RECALLS, dtype=torch.float64, device=hits.device)
    place = torch.searchsorted(recalls, wanted - 1e-12)
    reached = torch.cat([precisions, precisions.new_zeros(1)])
    return float(reached[place].mean())


def _hits(found: Detections, true: Tensor, overlap: float) -> Tensor:
    """Which boxes of an image find a true one, in their own order."""
    hits = torch.zeros(len(found.scores), dtype=torch.bool, device=found.scores.device)
    free = torch.ones(len(true), dtype=torch.bool, device=found.scores.device)
    if not len(true):
        return hits
    overlaps = box_iou(found.boxes, true)
    for one in found.scores.argsort(descending=True, stable=True).tolist():
        most, which = torch.where(free, overlaps[one], -1.0).max(dim=0)
        if most >= overlap:
            hits[one] = True
            free[which] = False
    return hits


def _focal(logits: Tensor, targets: Tensor) -> Tensor:
    """Focal loss (Lin et al. 2017, "Focal Loss for Dense Object Detection", ICCV, equation 5)."""
    entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    missed = torch.where(targets > 0, 1 - logits.sigmoid(), logits.sigmoid())
    return torch.where(targets > 0, _ALPHA, 1 - _ALPHA) * missed**_GAMMA * entropy


def _centerness(distances: Tensor) -> Tensor:
    """Equation 3: 1 at the center of a box, 0 at its sides."""
    pairs = torch.stack([distances[:, 0::2], distances[:, 1::2]], dim=1)
    shares = pairs.amin(dim=-1) / pairs.amax(dim=-1).clamp_min(1e-9)
    return shares.prod(dim=1).sqrt()


def _distance_iou(one: Tensor, other: Tensor) -> Tensor:
    """Intersection over union of boxes around one place, by their distances, ``(places,)``."""
    both = torch.minimum(one, other)
    inner = (both[:, 0] + both[:, 2]) * (both[:, 1] + both[:, 3])
    areas = [(d[:, 0] + d[:, 2]) * (d[:, 1] + d[:, 3]) for d in (one, other)]
    return inner / (areas[0] + areas[1] - inner).clamp_min(1e-9)
