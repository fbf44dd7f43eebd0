"""Operations on images, from Kornia: the ones of RandAugment and AutoAugment.

Cubuk et al. 2020, "RandAugment: Practical Automated Data Augmentation with a Reduced Search Space",
CVPR workshops, section 3; ranges as in Cubuk et al. 2019, "AutoAugment", CVPR, table 6. Kornia
works on batches, on any device, and is installed with the extra `augmentation`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from raynas.augmentation.operations import Operation, random_signs
from raynas.errors import TaskError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["IMAGES", "PHOTOMETRIC"]

# At strength 1. Rotation and shear are AutoAugment's, the share that shifts move chosen by hand.
_DEGREES, _SHEAR, _SHARE = 30.0, 0.3, 0.3
_ENHANCED = 0.9
"""From AutoAugment: factors of brightness, contrast, saturation and sharpness are 0.1 to 1.9."""
_LEAST_BITS, _BITS = 4, 8
"""Bits of a color, from AutoAugment."""
_ERASED = 0.5
"""Side of the square as a share of the image; Cutout has 16 of 32 pixels for CIFAR-10."""
_BRIGHT = 0.5
"""A batch of images from 0 to 1 is taken to have a pixel brighter than this."""
_LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue, ITU-R BT.601."""


def _kornia() -> Any:
    try:
        import kornia
    except ImportError as error:
        raise TaskError(
            f"augmentation of images needs {error.name}, which is not installed: "
            "pip install 'raynas[augmentation]'"
        ) from None
    return kornia


def _moved(how: str, images: Tensor, by: Tensor) -> Tensor:
    """`images` transformed by a function of Kornia, zeros moving in."""
    moved: Tensor = getattr(_kornia().geometry.transform, how)(images, by)
    return moved


def _rotate(images: Tensor, strengths: Tensor) -> Tensor:
    angles = random_signs(strengths) * _DEGREES
    return _moved("rotate", images, angles)


def _along(strengths: Tensor, axis: int) -> Tensor:
    import torch

    pair = [torch.zeros_like(strengths), torch.zeros_like(strengths)]
    pair[axis] = random_signs(strengths)
    return torch.stack(pair, dim=1)


def _shear_x(images: Tensor, strengths: Tensor) -> Tensor:
    by = _along(strengths, 0) * _SHEAR
    return _moved("shear", images, by)


def _shear_y(images: Tensor, strengths: Tensor) -> Tensor:
    by = _along(strengths, 1) * _SHEAR
    return _moved("shear", images, by)


def _translate_x(images: Tensor, strengths: Tensor) -> Tensor:
    by = _along(strengths, 0) * _SHARE * images.shape[-1]
    return _moved("translate", images, by)


def _translate_y(images: Tensor, strengths: Tensor) -> Tensor:
    by = _along(strengths, 1) * _SHARE * images.shape[-2]
    return _moved("translate", images, by)


def _erase(images: Tensor, strengths: Tensor) -> Tensor:
    """A square set to the image's mean (DeVries and Taylor 2017, "Cutout")."""
    import torch

    height, width = images.shape[-2:]
    half = strengths * _ERASED * min(height, width) / 2
    rows, columns = torch.rand(2, len(images)).to(images)
    across = torch.arange(height).to(images)[None, :] - (rows * height)[:, None]
    along = torch.arange(width).to(images)[None, :] - (columns * width)[:, None]
    inside = (across.abs() <= half[:, None])[:, :, None] & (along.abs() <= half[:, None])[:, None]
    means = images.mean(dim=(1, 2, 3), keepdim=True)
    return torch.where(inside[:, None], means, images)


def _in_unit_range(change: Callable[[Tensor], Tensor], images: Tensor, batch: Tensor) -> Tensor:
    """Apply `change` to images scaled to 0 to 1, and scale the result back.

    The range of the pixels is 0 to 1 where that is likely, and otherwise, as for normalized images,
    what each channel of the batch spans.
    """
    low, high = batch.amin(dim=(0, 2, 3), keepdim=True), batch.amax(dim=(0, 2, 3), keepdim=True)
    if low.min() >= 0 and _BRIGHT < high.max() <= 1:
        return change(images).clamp(0, 1)
    span = (high - low).clamp_min(1e-12)
    scaled: Tensor = change((images - low) / span).clamp(0, 1) * span + low
    return scaled


def _factors(images: Tensor, strengths: Tensor) -> Tensor:
    return (1 + random_signs(strengths) * _ENHANCED).view(-1, *[1] * (images.ndim - 1))


def _gray(images: Tensor) -> Tensor:
    """The luminance of images of three channels, and otherwise the mean of the channels."""
    if images.shape[1] != len(_LUMINANCE):
        return images.mean(dim=1, keepdim=True)
    weights = images.new_tensor(_LUMINANCE).view(1, -1, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)


def _brightness(images: Tensor, strengths: Tensor, batch: Tensor) -> Tensor:
    factors = _factors(images, strengths)
    return _in_unit_range(lambda unit: unit * factors, images, batch)


def _contrast(images: Tensor, strengths: Tensor, batch: Tensor) -> Tensor:
    factors = _factors(images, strengths)

    def change(unit: Tensor) -> Tensor:
        means = _gray(unit).mean(dim=(1, 2, 3), keepdim=True)
        return means + (unit - means) * factors

    return _in_unit_range(change, images, batch)


def _saturation(images: Tensor, strengths: Tensor, batch: Tensor) -> Tensor:
    factors = _factors(images, strengths)

    def change(unit: Tensor) -> Tensor:
        gray = _gray(unit)
        return gray + (unit - gray) * factors

    return _in_unit_range(change, images, batch)


def _sharpness(images: Tensor, strengths: Tensor, batch: Tensor) -> Tensor:
    factors = 1 + random_signs(strengths) * _ENHANCED
    sharpness = _kornia().enhance.sharpness
    return _in_unit_range(lambda unit: sharpness(unit, factors), images, batch)


def _solarize(images: Tensor, strengths: Tensor, batch: Tensor) -> Tensor:
    solarize = _kornia().enhance.solarize
    return _in_unit_range(lambda unit: solarize(unit, 1 - strengths), images, batch)


def _posterize(images: Tensor, strengths: Tensor, batch: Tensor) -> Tensor:
    bits = (_BITS - strengths * (_BITS - _LEAST_BITS)).round().int()
    posterize = _kornia().enhance.posterize
    return _in_unit_range(lambda unit: posterize(unit, bits), images, batch)


def _equalize(images: Tensor, strengths: Tensor, batch: Tensor) -> Tensor:
    """Blended in by the strength; Kornia leaves images of fewer than 256 pixels as they are."""
    equalize = _kornia().enhance.equalize

    def change(unit: Tensor) -> Tensor:
        share = strengths.view(-1, 1, 1, 1)
        blended: Tensor = (1 - share) * unit + share * equalize(unit)
        return blended

    return _in_unit_range(change, images, batch)


PHOTOMETRIC = tuple(
    Operation(name, function, dimensions=4, relative=True)
    for name, function in {
        "brightness": _brightness,
        "contrast": _contrast,
        "saturation": _saturation,
        "sharpness": _sharpness,
        "solarize": _solarize,
        "posterize": _posterize,
        "equalize": _equalize,
    }.items()
)
"""Changes of color only, which also suit targets with places, such as masks and boxes."""

IMAGES = (
    *(
        Operation(name, function, dimensions=4, moves=True)
        for name, function in {
            "rotate": _rotate,
            "shear_x": _shear_x,
            "shear_y": _shear_y,
            "translate_x": _translate_x,
            "translate_y": _translate_y,
        }.items()
    ),
    Operation("erase", _erase, dimensions=4),
    *PHOTOMETRIC,
)
"""All operations on batches of images ``(n, channels, height, width)``."""
