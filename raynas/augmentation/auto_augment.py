"""AutoAugment as a search space: sub-policies of two operations, each with its own probability.

Cubuk et al. 2019, "AutoAugment: Learning Augmentation Strategies from Data", CVPR, section 3. Each
example draws one of the sub-policies, whose two operations are applied in order, each with a
probability and a magnitude of its own. For images, one of 13 operations at 5 probabilities and 5
magnitudes makes 325 forms of an operation, and 325 ** 2 of a sub-policy; up to three sub-
policies make about 1e15 policies: a search of hundreds of trials, where RandAugment's 31 take a few
dozen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from raynas.augmentation.images import IMAGES, PHOTOMETRIC
from raynas.augmentation.operations import Operation, apply_drawn
from raynas.augmentation.policy import Policy
from raynas.augmentation.rand_augment import STRONGEST
from raynas.augmentation.signals import SERIES, SPECTROGRAMS, TABLES
from raynas.space import choice, repeat, searchable

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "AutoAugment",
    "ImageAutoAugment",
    "PhotometricAutoAugment",
    "SeriesAutoAugment",
    "SpectrogramAutoAugment",
    "TableAutoAugment",
]

_MOST = 3  # sub-policies, chosen by hand: the paper has five, for thousands of trials
_LENGTH = 2  # operations of a sub-policy, as in the paper

# The paper has 11 probabilities and 10 magnitudes; every second one is as far as trials can tell.
_PROBABILITIES = (0.2, 0.4, 0.6, 0.8, 1.0)
_MAGNITUDES = (2, 4, 6, 8, 10)  # of `STRONGEST`


@searchable
class ImageStep:
    """An operation on images, how often it is applied and how strong it is."""

    operation: str = choice(*(one.name for one in IMAGES))
    probability: float = choice(*_PROBABILITIES)
    magnitude: int = choice(*_MAGNITUDES)


@searchable
class ColorStep:
    """A change of color, how often it is applied and how strong it is."""

    operation: str = choice(*(one.name for one in PHOTOMETRIC))
    probability: float = choice(*_PROBABILITIES)
    magnitude: int = choice(*_MAGNITUDES)


@searchable
class SpectrogramStep:
    """An operation on spectrograms, how often it is applied and how strong it is."""

    operation: str = choice(*(one.name for one in SPECTROGRAMS))
    probability: float = choice(*_PROBABILITIES)
    magnitude: int = choice(*_MAGNITUDES)


@searchable
class SeriesStep:
    """An operation on series, how often it is applied and how strong it is."""

    operation: str = choice(*(one.name for one in SERIES))
    probability: float = choice(*_PROBABILITIES)
    magnitude: int = choice(*_MAGNITUDES)


@searchable
class TableStep:
    """An operation on rows, how often it is applied and how strong it is."""

    operation: str = choice(*(one.name for one in TABLES))
    probability: float = choice(*_PROBABILITIES)
    magnitude: int = choice(*_MAGNITUDES)


class AutoAugment(Policy):
    """Sub-policies, of which each example draws one; the base of those below.

    Attributes:
        sub_policies: Two operations each; none leaves the data as they are, and is the baseline.
    """

    sub_policies: tuple[tuple[Any, ...], ...]

    def applied(self) -> Sequence[Operation]:
        """See `Policy.applied`."""
        names = {one.operation for sub_policy in self.sub_policies for one in sub_policy}
        return [operation for operation in self.operations if operation.name in names]

    def augment(self, inputs: Tensor) -> Tensor:
        """See `Policy.augment`."""
        import torch

        if not self.sub_policies:
            return inputs
        names = [operation.name for operation in self.operations]
        drawn = torch.randint(0, len(self.sub_policies), (len(inputs),))
        for place in range(_LENGTH):
            steps = [sub_policy[place] for sub_policy in self.sub_policies]
            indices = torch.tensor([names.index(step.operation) for step in steps])[drawn]
            chances = torch.tensor([step.probability for step in steps])[drawn]
            strengths = torch.tensor([step.magnitude / STRONGEST for step in steps])[drawn]
            indices = torch.where(torch.rand(len(inputs)) < chances, indices, -1)
            inputs = apply_drawn(self.operations, indices, inputs, strengths)
        return inputs


@searchable
class ImageAutoAugment(AutoAugment):
    """The policy for images ``(n, channels, height, width)``."""

    operations = IMAGES
    sub_policies: tuple[tuple[ImageStep, ...], ...] = repeat(
        repeat(ImageStep, _LENGTH), 0, _MOST, default=()
    )


@searchable
class PhotometricAutoAugment(AutoAugment):
    """The policy for images whose targets have places, such as masks and boxes: only colors."""

    operations = PHOTOMETRIC
    sub_policies: tuple[tuple[ColorStep, ...], ...] = repeat(
        repeat(ColorStep, _LENGTH), 0, _MOST, default=()
    )


@searchable
class SpectrogramAutoAugment(AutoAugment):
    """The policy for logarithmic spectrograms ``(n, ..., frequency, time)``."""

    operations = SPECTROGRAMS
    sub_policies: tuple[tuple[SpectrogramStep, ...], ...] = repeat(
        repeat(SpectrogramStep, _LENGTH), 0, _MOST, default=()
    )


@searchable
class SeriesAutoAugment(AutoAugment):
    """The policy for series ``(n, ..., time)``."""

    operations = SERIES
    sub_policies: tuple[tuple[SeriesStep, ...], ...] = repeat(
        repeat(SeriesStep, _LENGTH), 0, _MOST, default=()
    )


@searchable
class TableAutoAugment(AutoAugment):
    """The policy for rows of numbers ``(n, columns)``."""

    operations = TABLES
    sub_policies: tuple[tuple[TableStep, ...], ...] = repeat(
        repeat(TableStep, _LENGTH), 0, _MOST, default=()
    )
