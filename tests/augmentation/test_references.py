"""Operations against references: Pillow for images, NumPy for everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from raynas.augmentation import ImageRandAugment, SeriesRandAugment, TableRandAugment
from raynas.augmentation.images import IMAGES, PHOTOMETRIC
from raynas.augmentation.operations import Operation, apply_drawn
from raynas.augmentation.signals import SERIES, SPECTROGRAMS, TABLES

OPERATIONS = {one.name: one for one in IMAGES}
HEIGHT, WIDTH = 40, 60


def pictures(count: int, channels: int = 3) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Smooth random images ``(count, height, width, channels)`` that span all values."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        coarse = rng.integers(0, 256, (4, 5, channels), dtype=np.uint8)
        layers = [
            np.asarray(
                Image.fromarray(coarse[..., c]).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
            )
            for c in range(channels)
        ]
        found.append(np.stack(layers, axis=-1))
    images = np.stack(found)
    images[:, 0, 0], images[:, 0, 1] = 0, 255
    return images


def tensor(images: np.ndarray[Any, Any]) -> Tensor:
    return torch.tensor(images).permute(0, 3, 1, 2).float() / 255


def changed(operation: Operation, batch: Tensor, strength: float) -> Tensor:
    torch.manual_seed(0)
    strengths = torch.full((len(batch),), strength, dtype=batch.dtype)
    return operation.applied(batch, strengths, batch)


def pillow(function: Callable[[Image.Image], Image.Image], image: Any) -> Tensor:
    made = np.asarray(function(Image.fromarray(image.squeeze())))
    return tensor(made.reshape(1, HEIGHT, WIDTH, -1))[0]


def sheared(x: float, y: float) -> Callable[[Image.Image], Image.Image]:
    def change(image: Image.Image) -> Image.Image:
        matrix = (1, x, 0, y, 1, 0)
        return image.transform(
            image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
        )

    return change


def moved(x: float, y: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.transform(image.size, Image.Transform.AFFINE, (1, 0, x, 0, 1, y))


def enhanced(enhance: Any) -> Callable[[float], Callable[[Image.Image], Image.Image]]:
    return lambda sign: lambda image: enhance(image).enhance(1 + sign * 0.9 * 0.5)


REFERENCES: dict[str, Callable[[float], Callable[[Image.Image], Image.Image]]] = {
    "rotate": lambda sign: lambda image: image.rotate(sign * 15, Image.Resampling.BILINEAR),
    "shear_x": lambda sign: sheared(sign * 0.15, 0),
    "shear_y": lambda sign: sheared(0, sign * 0.15),
    "translate_x": lambda sign: moved(sign * 0.15 * WIDTH, 0),
    "translate_y": lambda sign: moved(0, sign * 0.15 * HEIGHT),
    "brightness": enhanced(ImageEnhance.Brightness),
    "contrast": enhanced(ImageEnhance.Contrast),
    "saturation": enhanced(ImageEnhance.Color),
    "sharpness": enhanced(ImageEnhance.Sharpness),
    "solarize": lambda sign: lambda image: ImageOps.solarize(image, 128),
    "posterize": lambda sign: lambda image: ImageOps.posterize(image, 6),
}
"""What each operation is at half of its strength, either way."""
TOLERANCE = {"rotate": 0.05, "shear_x": 0.05, "shear_y": 0.05}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", REFERENCES)
def test_an_image_is_changed_as_pillow_does(name: str, channels: int) -> None:
    """One way or the other, each image by itself."""
    images = pictures(8, channels)
    found = changed(OPERATIONS[name], tensor(images), 0.5)
    ways = set()
    for image, mine in zip(images, found, strict=True):
        errors = {
            sign: float((pillow(REFERENCES[name](sign), image) - mine).abs().mean())
            for sign in (-1, 1)
        }
        assert min(errors.values()) < TOLERANCE.get(name, 0.012), errors
        ways.add(min(errors, key=lambda sign: errors[sign]))
    if name not in ("solarize", "posterize") and (name, channels) != ("saturation", 1):
        assert ways == {-1, 1}


def test_equalizing_is_pillows_at_full_strength() -> None:
    images = pictures(4)
    found = changed(OPERATIONS["equalize"], tensor(images), 1.0)
    for image, mine in zip(images, found, strict=True):
        assert float((pillow(ImageOps.equalize, image) - mine).abs().mean()) < 0.01


def test_erasing_sets_one_rectangle_to_the_mean() -> None:
    images = tensor(pictures(20))
    found = changed(OPERATIONS["erase"], images, 1.0)
    for before, after in zip(images, found, strict=True):
        different = (after != before).any(dim=0)
        rows, columns = different.any(dim=1).nonzero(), different.any(dim=0).nonzero()
        if not len(rows):
            continue
        box = after[:, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        torch.testing.assert_close(box, before.mean().expand_as(box))
        assert max(box.shape[1:]) <= HEIGHT / 2 + 1


@pytest.mark.parametrize("operation", [*PHOTOMETRIC, *TABLES], ids=str)
def test_an_example_is_changed_by_itself(operation: Operation) -> None:
    """Whatever other examples of its batch draw the same operation."""
    batch = torch.rand(12, 3, 20, 20) if operation in PHOTOMETRIC else torch.randn(12, 6)
    batch *= torch.linspace(0.2, 1, len(batch)).view(-1, *[1] * (batch.ndim - 1))
    torch.manual_seed(3)
    alone = operation.applied(batch[:1], torch.ones(1), batch)
    drawn = torch.full((12,), -1)
    drawn[0] = 0
    torch.manual_seed(3)
    found = apply_drawn((operation,), drawn, batch, torch.ones(12))
    torch.testing.assert_close(found[:1], alone)
    assert torch.equal(found[1:], batch[1:])
    if operation in PHOTOMETRIC:
        torch.manual_seed(3)
        together = operation.applied(batch, torch.ones(12), batch)
        signs = [alone[0], together[0]]
        torch.manual_seed(3)
        drawn_sign = torch.randint(0, 2, (1,))
        torch.manual_seed(3)
        if torch.equal(drawn_sign, torch.randint(0, 2, (12,))[:1]):
            torch.testing.assert_close(*signs)


RAMP = torch.arange(50.0).expand(40, 2, 50)


@pytest.mark.parametrize("strength", [0.2, 1.0])
def test_a_series_is_shifted_and_stretched_as_numpy_interpolates(strength: float) -> None:
    series = torch.randn(6, 2, 50, generator=torch.Generator().manual_seed(0))
    for name in ("time_shift", "time_stretch"):
        operation = next(one for one in SERIES if one.name == name)
        places = changed(operation, RAMP[:6], strength)[:, 0]
        found = changed(operation, series, strength)
        for example, at, mine in zip(series, places, found, strict=True):
            for channel in range(2):
                expected = np.interp(at, np.arange(50), example[channel])
                np.testing.assert_allclose(mine[channel], expected, atol=1e-4)
        steps = places.diff(dim=1)
        inner = steps[:, 24:26]
        limit = 0.3 * strength
        if name == "time_shift":
            torch.testing.assert_close(inner, torch.ones_like(inner), atol=1e-3, rtol=0)
            middle = places[:, 25] - 25
            assert middle.abs().max() <= limit * 50 + 1e-3
        else:
            assert (inner - 1).abs().max() <= limit + 1e-3
        assert len(set(places[:, 25 if name == "time_shift" else 30].tolist())) == 6


@pytest.mark.parametrize(("name", "axis"), [("time_mask", -1), ("frequency_mask", -2)])
def test_a_mask_is_one_stretch_at_the_mean(name: str, axis: int) -> None:
    operation = next(one for one in SPECTROGRAMS if one.name == name)
    batch = torch.randn(30, 1, 25, 40, generator=torch.Generator().manual_seed(0))
    found = changed(operation, batch, 0.5)
    lengths = set()
    for before, after in zip(batch[:, 0], found[:, 0], strict=True):
        rows, places = (before, after), (before != after).any(dim=0 if axis == -1 else 1)
        where = places.nonzero().flatten()
        assert len(where) <= 0.4 * 0.5 * batch.shape[axis] + 1
        lengths.add(len(where))
        if len(where):
            assert where.tolist() == list(range(int(where[0]), int(where[-1]) + 1))
            inside = rows[1].index_select(axis, where)
            torch.testing.assert_close(inside, before.mean().expand_as(inside))
            outside = (~places).nonzero().flatten()
            assert torch.equal(
                rows[0].index_select(axis, outside), rows[1].index_select(axis, outside)
            )
    assert len(lengths) > 2


def test_amplitudes_change_as_their_names_say() -> None:
    operations = {one.name: one for one in (*SPECTROGRAMS, *SERIES)}
    series = torch.randn(200, 1, 60, generator=torch.Generator().manual_seed(0)) + 5
    ratio = changed(operations["scale"], series, 1.0) / series
    torch.testing.assert_close(ratio, ratio[..., :1].expand_as(ratio))
    assert 0.5 <= ratio.min() < 0.6 < 1.4 < ratio.max() <= 1.5
    added = changed(operations["gain"], series, 1.0) - series
    torch.testing.assert_close(added, added[..., :1].expand_as(added), atol=1e-5, rtol=0)
    spread = series.std(dim=-1, correction=0)
    assert (added[..., 0].abs() <= 0.5 * spread + 1e-5).all()
    noise = (changed(operations["noise"], series, 1.0) - series) / spread[..., None]
    assert float(noise.std()) == pytest.approx(0.3, rel=0.05)
    curve = changed(operations["warp"], series, 1.0) / series - 1
    bends = curve.diff(dim=-1).diff(dim=-1).abs() > 1e-5
    assert int(bends.sum(dim=-1).max()) <= 4  # linear between four knots
    assert float(curve[..., 0].std()) == pytest.approx(0.3, rel=0.2)


def test_cells_of_a_table_come_from_their_columns() -> None:
    rows = torch.arange(40.0).reshape(10, 4) * torch.tensor([1.0, 10.0, 100.0, 1000.0])
    operations = {one.name: one for one in TABLES}
    swapped = changed(operations["swap"], rows, 1.0)
    share = float((swapped != rows).float().mean())
    assert 0.2 < share < 0.6
    assert all(
        set(after.tolist()) <= set(before.tolist())
        for before, after in zip(rows.T, swapped.T, strict=True)
    )
    masked = changed(operations["mask"], rows, 1.0)
    cells = masked != rows
    assert torch.equal(masked[cells], rows.mean(dim=0).expand_as(rows)[cells])
    many = torch.randn(4000, 3) * torch.tensor([1.0, 5.0, 25.0])
    noise = changed(operations["noise"], many, 1.0) - many
    torch.testing.assert_close(
        noise.std(dim=0) / many.std(dim=0), torch.full((3,), 0.3), rtol=0.1, atol=0
    )


def test_missing_values_of_a_table_stay_where_they_are() -> None:
    rows = torch.randn(20, 3)
    rows[0, 0] = torch.nan
    for name in ("noise", "mask"):
        operation = next(one for one in TABLES if one.name == name)
        assert int(changed(operation, rows, 0.1).isnan().sum()) <= 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_the_precision_of_training_does_not_change_an_augmentation(dtype: torch.dtype) -> None:
    """Half precision has too few digits for places in long series, and for rotations."""
    waves = torch.sin(torch.arange(3000) / 40).expand(12, 1, 3000).to(dtype)
    images = tensor(pictures(12)).to(dtype)
    for policy, batch in ((SeriesRandAugment(2, 3), waves), (ImageRandAugment(2, 5), images)):
        torch.manual_seed(1)
        exact = policy.augmented(batch.float())
        torch.manual_seed(1)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = policy.augmented(batch)
        assert found.dtype == dtype
        errors = (found.float() - exact.to(dtype).float()).abs()
        assert float(errors.mean()) < 1e-3  # posterizing may round a pixel the other way


def test_an_image_range_is_not_that_of_few_dark_images() -> None:
    """Zero to one where the batch has bright pixels; else what each channel spans."""
    dark = torch.rand(4, 1, 20, 20) * 0.2
    batch = torch.cat([dark, torch.rand(4, 1, 20, 20)])
    inverted = OPERATIONS["solarize"].applied(dark, torch.ones(4), batch)
    torch.testing.assert_close(inverted, 1 - dark)
    normalized = (batch - 0.3) / 0.2
    again = OPERATIONS["solarize"].applied(normalized[:4], torch.ones(4), normalized)
    spanned = normalized.amax() + normalized.amin()
    torch.testing.assert_close(again, spanned - normalized[:4], atol=1e-4, rtol=0)


def test_one_example_is_augmented_too() -> None:
    assert TableRandAugment(2, 10).augmented(torch.randn(1, 4)).shape == (1, 4)
    image = torch.rand(1, 3, 16, 16)
    assert not torch.equal(ImageRandAugment(3, 10).augmented(image), image)
