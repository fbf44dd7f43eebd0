"""Augmentation policies as search spaces, for images, spectrograms, series and tables."""

from raynas.augmentation.auto_augment import (
    ImageAutoAugment,
    PhotometricAutoAugment,
    SeriesAutoAugment,
    SpectrogramAutoAugment,
    TableAutoAugment,
)
from raynas.augmentation.operations import Operation
from raynas.augmentation.policy import Policy
from raynas.augmentation.rand_augment import (
    ImageRandAugment,
    PhotometricRandAugment,
    SeriesRandAugment,
    SpectrogramRandAugment,
    TableRandAugment,
)

__all__ = [
    "ImageAutoAugment",
    "ImageRandAugment",
    "Operation",
    "PhotometricAutoAugment",
    "PhotometricRandAugment",
    "Policy",
    "SeriesAutoAugment",
    "SeriesRandAugment",
    "SpectrogramAutoAugment",
    "SpectrogramRandAugment",
    "TableAutoAugment",
    "TableRandAugment",
]
