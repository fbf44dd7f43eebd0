"""Operations on images, from Kornia: the ones of RandAugment and AutoAugment.

Cubuk et al. 2020, "RandAugment: Practical Automated Data Augmentation with a Reduced Search Space",
CVPR workshops, section 3; ranges as in Cubuk et al. 2019, "AutoAugment", CVPR, table 6. Kornia
works on batches, on any device, and is installed with the extra `augmentation`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raynas.augmentation.operations import Operation, random_signs
from raynas.errors import TaskError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["IMAGES", "PHOTOMETRIC"]

_DEGREES, _SHEAR, _SHARE = 30.0, 0.3, 0.3
_ENHANCED = 0.9
_LEAST_BITS, _BITS = 4, 8
_ERASED = 0.5


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


def _in_unit_range(change: Any, images: Tensor) -> Tensor:
    """Apply `change` to images scaled to 0 to 1, channel by channel, and scale the result back."""
    axes = tuple(range(1, images.ndim))
    axes = axes[1:] if images.shape[1] > 1 else axes
    low, high = images.amin(dim=(0, *axes), keepdim=True), images.amax(dim=(0, *axes), keepdim=True)
    span = (high - low).clamp_min(1e-12)
    scaled: Tensor = change((images - low) / span).clamp(0, 1) * span + low
    return scaled


def _factors(images: Tensor, strengths: Tensor) -> Tensor:
    return (1 + random_signs(strengths) * _ENHANCED).view(-1, *[1] * (images.ndim - 1))


def _brightness(images: Tensor, strengths: Tensor) -> Tensor:
    return _in_unit_range(lambda unit: unit * _factors(unit, strengths), images)


def _contrast(images: Tensor, strengths: Tensor) -> Tensor:
    def change(unit: Tensor) -> Tensor:
        means = unit.mean(dim=(1, 2, 3), keepdim=True)
        return means + (unit - means) * _factors(unit, strengths)

    return _in_unit_range(change, images)


def _saturation(images: Tensor, strengths: Tensor) -> Tensor:
    def change(unit: Tensor) -> Tensor:
        gray = unit.mean(dim=1, keepdim=True)
        return gray + (unit - gray) * _factors(unit, strengths)

    return _in_unit_range(change, images)


def _sharpness(images: Tensor, strengths: Tensor) -> Tensor:
    factors = 1 + random_signs(strengths) * _ENHANCED
    sharpness = _kornia().enhance.sharpness
    return _in_unit_range(lambda unit: sharpness(unit, factors), images)


def _solarize(images: Tensor, strengths: Tensor) -> Tensor:
    solarize = _kornia().enhance.solarize
    return _in_unit_range(lambda unit: solarize(unit, 1 - strengths), images)


def _posterize(images: Tensor, strengths: Tensor) -> Tensor:
    bits = (_BITS - strengths * (_BITS - _LEAST_BITS)).round().int()
    posterize = _kornia().enhance.posterize
    return _in_unit_range(lambda unit: posterize(unit, bits), images)


def _equalize(images: Tensor, strengths: Tensor) -> Tensor:
    """Blended in by the strength; Kornia leaves images of fewer than 256 pixels as they are."""
    equalize = _kornia().enhance.equalize

    def change(unit: Tensor) -> Tensor:
        share = strengths.view(-1, 1, 1, 1)
        blended: Tensor = (1 - share) * unit + share * equalize(unit)
        return blended

    return _in_unit_range(change, images)


PHOTOMETRIC = tuple(
    Operation(name, function, dimensions=4)
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
