"""Policies change training inputs, and nothing else."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from raynas import augmentation
from raynas.augmentation import (
    ImageAutoAugment,
    ImageRandAugment,
    PhotometricRandAugment,
    Policy,
    SeriesRandAugment,
    SpectrogramRandAugment,
    TableRandAugment,
)
from raynas.augmentation.auto_augment import ImageStep
from raynas.augmentation.images import IMAGES, PHOTOMETRIC
from raynas.augmentation.operations import Operation, apply_drawn
from raynas.augmentation.signals import SERIES, SPECTROGRAMS, TABLES
from raynas.errors import TaskError
from raynas.space import Space

BATCHES = {
    IMAGES: (8, 3, 24, 20),
    PHOTOMETRIC: (8, 1, 24, 20),
    SPECTROGRAMS: (8, 1, 20, 30),
    SERIES: (8, 3, 40),
    TABLES: (8, 5),
}
OPERATIONS = [
    (one, shape)
    for kind, shape in BATCHES.items()
    for one in kind
    if (one.name, shape[1]) != ("saturation", 1)
]
POLICIES = [
    getattr(augmentation, name) for name in augmentation.__all__ if name.endswith("Augment")
]


@pytest.mark.parametrize(("operation", "shape"), OPERATIONS, ids=lambda value: str(value))
def test_an_operation_keeps_shape_and_type_and_grows_with_its_strength(
    operation: Operation, shape: tuple[int, ...]
) -> None:
    batch = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 3 + 1
    means = []
    for strength in (0.05, 1.0):
        torch.manual_seed(1)
        changed = operation.applied(batch.clone(), torch.full((len(batch),), strength), batch)
        assert changed.shape == batch.shape
        assert torch.isfinite(changed).all()
        means.append(float((changed - batch).abs().mean()))
    assert means[0] < means[1]


def test_a_gray_image_has_no_saturation_to_change() -> None:
    saturation = next(one for one in PHOTOMETRIC if one.name == "saturation")
    batch = torch.rand(8, 1, 24, 20)
    changed = saturation.applied(batch.clone(), torch.ones(8), batch)
    torch.testing.assert_close(changed, batch)


@pytest.mark.parametrize("operation", PHOTOMETRIC, ids=str)
def test_changes_of_color_leave_the_range_of_the_pixels(operation: Operation) -> None:
    """Also where images are normalized, which Kornia's functions do not expect."""
    images = torch.rand(8, 3, 12, 10) * 5 - 2
    changed = operation.applied(images, torch.ones(8), images)
    assert changed.amin() >= images.amin() - 1e-4
    assert changed.amax() <= images.amax() + 1e-4


def test_each_example_has_the_operation_that_it_drew() -> None:
    add = Operation("add", lambda batch, strengths: batch + strengths[:, None])
    double = Operation("double", lambda batch, strengths: batch * 2)
    batch = torch.tensor([[1.0], [2.0], [3.0]])
    drawn, strengths = torch.tensor([0, -1, 1]), torch.tensor([0.5, 0.5, 0.5])
    changed = apply_drawn((add, double), drawn, batch, strengths)
    assert changed.flatten().tolist() == [1.5, 2.0, 6.0]
    assert batch.flatten().tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.__name__)
def test_policies_are_spaces_whose_baseline_changes_nothing(policy: type[Policy]) -> None:
    space = Space(policy)
    shape = BATCHES[policy.operations]
    batch = torch.randn(shape)
    assert space.baseline.applied() in ((), [])
    assert torch.equal(space.baseline.augment(batch), batch)
    rng = np.random.default_rng(0)
    for _ in range(5):
        drawn = space.sample(rng)
        torch.manual_seed(0)
        first = drawn.augment(batch)
        torch.manual_seed(0)
        assert torch.equal(first, drawn.augment(batch))
        assert space.from_json(space.to_json(drawn)) == drawn


def test_sizes_are_those_of_the_papers() -> None:
    assert Space(ImageRandAugment).size == 4 * 10
    step = 13 * 5 * 5
    assert Space(ImageAutoAugment).size == sum(step ** (2 * n) for n in range(4))


def test_a_sub_policy_applies_its_operations_as_often_as_it_says() -> None:
    half, always = ImageStep("erase", 0.6, 10), ImageStep("erase", 1.0, 10)
    images = torch.rand(400, 1, 8, 8)
    torch.manual_seed(0)
    for steps, expected in (((half, half), 1 - 0.4**2), ((half, always), 1.0)):
        changed = ImageAutoAugment(sub_policies=(steps,)).augment(images) != images
        assert float(changed.flatten(1).any(dim=1).float().mean()) == pytest.approx(
            expected, abs=0.06
        )


class Batch(NamedTuple):
    images: Tensor
    labels: Tensor


LABELS = torch.arange(4)


@pytest.mark.parametrize(
    "batch",
    [
        (torch.rand(4, 5), LABELS),
        [torch.rand(4, 5), LABELS],
        Batch(torch.rand(4, 5), LABELS),
        {"x": torch.rand(4, 5), "y": LABELS.float()},
        OrderedDict(x=torch.rand(4, 5), weight=LABELS.float(), y=LABELS),
        defaultdict(list, {"x": torch.rand(4, 5), "y": LABELS}),
        torch.rand(4, 5),
    ],
    ids=["tuple", "list", "named", "dictionary", "ordered", "default", "tensor"],
)
def test_a_batch_keeps_its_form_and_its_targets(batch: Any) -> None:
    before = _inputs(batch).clone()
    changed = TableRandAugment(3, 10).augmented(batch)
    assert type(changed) is type(batch)
    assert torch.equal(_inputs(batch), before)
    assert not torch.equal(_inputs(changed), before)
    if not isinstance(batch, Tensor):
        assert torch.equal(_targets(changed), _targets(batch))


def _inputs(batch: Any) -> Tensor:
    if isinstance(batch, Tensor):
        return batch
    return batch["x"] if isinstance(batch, dict) else batch[0]


def _targets(batch: Any) -> Tensor:
    return batch["y"] if isinstance(batch, dict) else batch[1]


class Second(TableRandAugment):
    inputs = "b"


@pytest.mark.parametrize(
    ("policy", "batch", "message"),
    [
        (TableRandAugment(1, 5), (LABELS, LABELS), "torch.int64, and only floating-point tensors"),
        (TableRandAugment(1, 5), {"a": torch.rand(2, 2), "b": torch.rand(2, 2)}, "inputs = KEY"),
        (
            TableRandAugment(1, 5),
            {"tokens": torch.ones(2, 9).long(), "scores": torch.rand(2, 3)},
            "it is not clear which of them to augment",
        ),
        (SeriesRandAugment(1, 5), (torch.rand(4), LABELS), "at least 2 dimensions, and the inputs"),
        (
            ImageRandAugment(1, 5),
            (torch.rand(2, 3, 31, 24), torch.zeros(2, 8, 6)),
            r"rotate moves .* but a tensor of shape \(2, 8, 6\) has places too",
        ),
        (
            ImageRandAugment(1, 5),
            (torch.rand(2, 3, 30, 24), torch.zeros(2, 10, 8, 5)),
            r"a tensor of shape \(2, 10, 8, 5\) has places too",
        ),
        (
            SeriesRandAugment(1, 5),
            (torch.rand(2, 3, 40), torch.zeros(2, 40).long()),
            r"time_shift moves .* but a tensor of shape \(2, 40\) has places too",
        ),
        (
            SpectrogramRandAugment(1, 5),
            (torch.rand(2, 1, 20, 30), torch.zeros(2, 30, 4)),
            r"time_shift moves .* but a tensor of shape \(2, 30, 4\) has places too",
        ),
        (Second(1, 5), {"a": torch.rand(2, 2)}, "inputs='b': a batch has 'a'; use one of these"),
        (ImageRandAugment(1, 5), (torch.rand(2, 5), LABELS), r"takes batches of 4 dimensions"),
        (
            ImageRandAugment(1, 5),
            (torch.rand(2, 3, 8, 8), torch.zeros(2, 8, 8)),
            r"rotate moves .* but a tensor of shape \(2, 8, 8\) has places.*PhotometricRand",
        ),
        (
            SpectrogramRandAugment(1, 5),
            {"image": torch.rand(2, 1, 8, 8), "mask": torch.zeros(2, 1, 8, 8)},
            r"has places too .* use a subclass whose `operations` move nothing \(time_mask, ",
        ),
        (
            ImageRandAugment(1, 5),
            (torch.rand(2, 3, 8, 8), [{"boxes": torch.rand(1, 4)}, {"boxes": torch.rand(2, 4)}]),
            "rotate moves what the inputs .* show, but 'boxes' of the targets has places too",
        ),
    ],
)
def test_what_cannot_be_augmented_is_refused(policy: Policy, batch: Any, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        policy.augmented(batch)


def test_changes_of_color_take_targets_with_places() -> None:
    batch = (torch.rand(4, 3, 8, 8), torch.zeros(4, 8, 8))
    images, masks = PhotometricRandAugment(2, 10).augmented(batch)
    assert not torch.equal(images, batch[0])
    assert torch.equal(masks, batch[1])


def test_series_keep_half_precision_and_gradients_out() -> None:
    batch = torch.randn(4, 2, 20, dtype=torch.bfloat16, requires_grad=True)
    changed, _ = SeriesRandAugment(2, 9).augmented((batch, LABELS))
    assert changed.dtype == torch.bfloat16
    assert not changed.requires_grad
