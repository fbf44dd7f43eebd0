"""RandAugment as a search space: how many operations an example gets, and how strong they are.

Cubuk et al. 2020, "RandAugment: Practical Automated Data Augmentation with a Reduced Search Space",
CVPR workshops, section 3. Each example draws its own operations. 4 * 10 = 40 policies, of which
those without an operation are one and the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from raynas.augmentation.images import IMAGES, PHOTOMETRIC
from raynas.augmentation.operations import Operation, apply_drawn
from raynas.augmentation.policy import Policy
from raynas.augmentation.signals import SERIES, SPECTROGRAMS, TABLES
from raynas.space import integer, searchable

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "ImageRandAugment",
    "PhotometricRandAugment",
    "RandAugment",
    "SeriesRandAugment",
    "SpectrogramRandAugment",
    "TableRandAugment",
]

R = TypeVar("R", bound="RandAugment")

STRONGEST = 10
"""Largest magnitude; an operation's strength is the magnitude as a share of it."""


@searchable
class RandAugment(Policy):
    """`count` random operations in a row, all with the same magnitude; the base of those below.

    Attributes:
        count: Operations an example; 0 leaves the data as they are, and is the baseline.
        magnitude: Strength of each operation, from 1 to 10.
    """

    count: int = integer(0, 3, default=0)
    magnitude: int = integer(1, STRONGEST, default=1)

    @property
    def canonical(self: R) -> R:
        """Canonical form: without operations, the magnitude has no meaning."""
        return self if self.count else type(self)(count=0, magnitude=1)

    def applied(self) -> Sequence[Operation]:
        """See `Policy.applied`."""
        return self.operations if self.count else ()

    def augment(self, inputs: Tensor) -> Tensor:
        """See `Policy.augment`."""
        import torch

        strengths = torch.full((len(inputs),), self.magnitude / STRONGEST)
        for _ in range(self.count):
            drawn = torch.randint(0, len(self.operations), (len(inputs),))
            inputs = apply_drawn(self.operations, drawn, inputs, strengths)
        return inputs


@searchable
class ImageRandAugment(RandAugment):
    """The policy for images ``(n, channels, height, width)``."""

    operations = IMAGES


@searchable
class PhotometricRandAugment(RandAugment):
    """The policy for images whose targets have places, such as masks and boxes: only colors."""

    operations = PHOTOMETRIC


@searchable
class SpectrogramRandAugment(RandAugment):
    """The policy for logarithmic spectrograms ``(n, ..., frequency, time)``."""

    operations = SPECTROGRAMS


@searchable
class SeriesRandAugment(RandAugment):
    """The policy for series ``(n, ..., time)``."""

    operations = SERIES


@searchable
class TableRandAugment(RandAugment):
    """The policy for rows of numbers ``(n, columns)``."""

    operations = TABLES
