"""Operations on spectrograms, on series and on tables.

Spectrograms: Park et al. 2019, "SpecAugment", Interspeech, section 2. Series: Um et al. 2017, "Data
Augmentation of Wearable Sensor Data for Parkinson's Disease Monitoring", ICMI, section 4. Tables:
values swapped with those of other rows, as in Bahri et al. 2022, "SCARF", ICLR, section 3. They are
a few lines of torch each, on batches and on any device; the audio libraries have their own builds
for each version of torch, or work on one recording at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raynas.augmentation.operations import Operation, random_signs

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SERIES", "SPECTROGRAMS", "TABLES"]

# Shares at strength 1, chosen by hand so that an example can still be told by eye.
_MASKED, _SHIFTED, _STRETCHED, _SCALED, _NOISE = 0.4, 0.3, 0.3, 0.5, 0.3
_KNOTS = 4
"""Knots of the curve of magnitude warping, as in Um et al."""
_SWAPPED = 0.5
"""Share of the cells of a row; SCARF corrupts 0.6."""


def _over(strengths: Tensor, batch: Tensor) -> Tensor:
    """`strengths` in a shape that multiplies the examples of `batch`."""
    return strengths.view(-1, *[1] * (batch.ndim - 1))


def _mask(batch: Tensor, strengths: Tensor, axis: int) -> Tensor:
    """A random stretch along `axis` set to the example's mean."""
    import torch

    length = batch.shape[axis]
    longest = strengths * _MASKED * length
    extent = torch.rand(len(batch)).to(batch) * longest
    start = torch.rand(len(batch)).to(batch) * (length - extent)
    places = torch.arange(length).to(batch)[None, :]
    inside = (places >= start[:, None]) & (places < (start + extent)[:, None])
    shape = [len(batch), *[1] * (batch.ndim - 1)]
    shape[axis] = length
    means = batch.flatten(1).mean(dim=1).view(-1, *[1] * (batch.ndim - 1))
    return torch.where(inside.view(shape), means, batch)


def _time_mask(batch: Tensor, strengths: Tensor) -> Tensor:
    return _mask(batch, strengths, batch.ndim - 1)


def _frequency_mask(batch: Tensor, strengths: Tensor) -> Tensor:
    return _mask(batch, strengths, batch.ndim - 2)


def _resampled(batch: Tensor, places: Tensor) -> Tensor:
    """The values at fractional `places` (n, length) along the last axis, edges repeated."""
    import torch

    length = batch.shape[-1]
    places = places.clamp(0, length - 1)
    below = places.floor().long()
    above = (below + 1).clamp_max(length - 1)
    share = places - below
    shape = (len(batch), *[1] * (batch.ndim - 2), places.shape[-1])
    pick = [index.view(shape).expand(*batch.shape[:-1], -1) for index in (below, above)]
    low, high = (torch.gather(batch, -1, index) for index in pick)
    return low + (high - low) * share.view(shape)


def _time_shift(batch: Tensor, strengths: Tensor) -> Tensor:
    """Moved along time by a share of the length, the edge repeated."""
    import torch

    length = batch.shape[-1]
    drawn = torch.rand(len(batch)).to(batch)
    by = random_signs(strengths) * drawn * _SHIFTED * length
    return _resampled(batch, torch.arange(length).to(batch)[None, :] + by[:, None])


def _time_stretch(batch: Tensor, strengths: Tensor) -> Tensor:
    """Slower or faster around the middle."""
    import torch

    length = batch.shape[-1]
    factors = 1 + random_signs(strengths) * torch.rand(len(batch)).to(batch) * _STRETCHED
    middle = (length - 1) / 2
    places = (torch.arange(length).to(batch)[None, :] - middle) * factors[:, None] + middle
    return _resampled(batch, places)


def _scale(batch: Tensor, strengths: Tensor) -> Tensor:
    """Multiplied by a factor around 1."""
    import torch

    drawn = torch.rand(len(batch)).to(batch)
    return batch * _over(1 + random_signs(strengths) * drawn * _SCALED, batch)


def _gain(batch: Tensor, strengths: Tensor) -> Tensor:
    """Louder or softer: on a logarithmic scale, a sum."""
    import torch

    drawn = torch.rand(len(batch)).to(batch)
    spread = _deviations(batch)
    return batch + _over(random_signs(strengths) * drawn * _SCALED, batch) * spread


def _deviations(batch: Tensor) -> Tensor:
    """The standard deviation of each example, in a shape that multiplies the batch."""
    return _over(batch.flatten(1).std(dim=1, correction=0), batch)


def _noise(batch: Tensor, strengths: Tensor) -> Tensor:
    """Gaussian noise, relative to the example's standard deviation."""
    import torch

    noise = torch.randn(batch.shape).to(batch)
    return batch + noise * _over(strengths * _NOISE, batch) * _deviations(batch)


def _warp(batch: Tensor, strengths: Tensor) -> Tensor:
    """Multiplied by a smooth random curve around 1 (magnitude warping)."""
    import torch

    knots = torch.randn(len(batch), _KNOTS).to(batch)
    curve = torch.nn.functional.interpolate(
        knots[:, None], size=batch.shape[-1], mode="linear", align_corners=True
    )[:, 0]
    shape = (len(batch), *[1] * (batch.ndim - 2), batch.shape[-1])
    return batch * (1 + (curve * strengths[:, None] * _NOISE).view(shape))


def _column_noise(rows: Tensor, strengths: Tensor, batch: Tensor) -> Tensor:
    """Gaussian noise, relative to the standard deviation of each column in the batch."""
    import torch

    means = batch.nanmean(dim=0, keepdim=True)
    spread = (batch - means).square().nanmean(dim=0, keepdim=True).sqrt()
    return rows + torch.randn(rows.shape).to(rows) * spread * _over(strengths * _NOISE, rows)


def _drawn_cells(rows: Tensor, strengths: Tensor) -> Tensor:
    import torch

    return torch.rand(rows.shape).to(rows) < _over(strengths * _SWAPPED, rows)


def _swap(rows: Tensor, strengths: Tensor, batch: Tensor) -> Tensor:
    """Some values replaced by those that examples of the batch have in the same column."""
    import torch

    others = torch.randint(0, len(batch), rows.shape).to(rows.device)
    return torch.where(_drawn_cells(rows, strengths), torch.gather(batch, 0, others), rows)


def _mask_columns(rows: Tensor, strengths: Tensor, batch: Tensor) -> Tensor:
    """Some values replaced by the mean of their column in the batch."""
    import torch

    means = batch.nanmean(dim=0, keepdim=True).expand_as(rows)
    return torch.where(_drawn_cells(rows, strengths), means, rows)


SPECTROGRAMS = (
    Operation("time_mask", _time_mask),
    Operation("frequency_mask", _frequency_mask),
    Operation("time_shift", _time_shift, moves=True),
    Operation("time_stretch", _time_stretch, moves=True),
    Operation("gain", _gain),
    Operation("noise", _noise),
)
"""Operations on batches of logarithmic spectrograms, frequency and then time as the last axes."""

SERIES = (
    Operation("noise", _noise),
    Operation("scale", _scale),
    Operation("warp", _warp),
    Operation("time_mask", _time_mask),
    Operation("time_shift", _time_shift, moves=True),
    Operation("time_stretch", _time_stretch, moves=True),
)
"""Operations on batches of series, time as the last axis."""

TABLES = (
    Operation("noise", _column_noise, dimensions=2, relative=True),
    Operation("swap", _swap, dimensions=2, relative=True),
    Operation("mask", _mask_columns, dimensions=2, relative=True),
)
"""Operations on batches of rows of numbers ``(n, columns)``."""
