"""Whether choices go with values more than noise explains.

Under the null hypothesis that no choice matters, values could stand beside any architecture. So
they are shuffled, and a choice is believed only if it separates the values better than shuffling
does; looking at many choices is allowed for (Westfall and Young 1993, "Resampling-Based Multiple
Testing", section 2.3, single-step min-P).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEVEL", "NONE", "average_ranks", "chances", "contemporaries"]

Floats = NDArray[np.float64]

LEVEL = 0.01
"""From this chance on an association may be noise."""

NONE = -1
"""Code of a choice that an architecture does not have."""

_SHUFFLES = 1000  # the smallest p is 1/1001, a tenth of the level at which choices are named
_BLOCK = 50
"""Chosen by hand: trials close enough in time to have the same chances, many enough to shuffle."""


def contemporaries(count: int, size: int = _BLOCK) -> NDArray[np.int64]:
    """The number of its block for each of `count` trials in ask order.

    A search proposes better and better architectures, so a choice that only became more frequent
    would seem good: trials are to be compared with those of their own block.
    """
    blocks = np.array_split(np.arange(count), max(1, count // size))
    return np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])


def chances(
    codes: NDArray[np.int64], values: Floats, blocks: NDArray[np.int64] | None = None, seed: int = 0
) -> Floats:
    """The probability for each choice that noise associates some choice as closely with `values`.

    The statistic is the sum of squares between the options' groups, over ranks within blocks, among
    the architectures that have the choice. Adjusted for the number of choices: below `LEVEL`, at
    most one in a hundred searches in which nothing matters names any choice at all.

    Args:
        codes: The option that each architecture took, shape ``(architectures, choices)``; `NONE`
            where it does not have the choice.
        values: Shape ``(architectures,)``.
        blocks: Values are shuffled within these; all together by default.
        seed: Seed of the permutations.
    """
    if blocks is None:
        blocks = np.zeros(len(values), dtype=np.int64)
    ranks = _ranks_within(values, blocks)
    rng = np.random.default_rng(seed)
    shuffled = _shuffled(ranks, blocks, rng)
    if not codes.shape[1]:
        return np.ones(0)
    single = np.stack([_rarity(_between(column, shuffled)) for column in codes.T], axis=1)
    rarest = single.max(axis=1)
    return np.array([float(np.mean(rarest >= rarity)) for rarity in single[0]])


def average_ranks(values: Floats) -> Floats:
    """The rank of each value from 1 on; equal values share the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places])


def _between(codes: NDArray[np.int64], values: Floats) -> Floats:
    """Sum of squares between the groups of `codes`, for each row of `values`."""
    here = codes != NONE
    taken, groups = np.unique(codes[here], return_inverse=True)
    if len(taken) < 2:
        return np.zeros(len(values))
    belongs = np.eye(len(taken))[groups]
    active = values[:, here]
    sums = active @ belongs
    return np.asarray(
        (sums**2 / belongs.sum(axis=0)).sum(axis=1) - active.sum(axis=1) ** 2 / here.sum()
    )


def _rarity(statistics: Floats) -> Floats:
    """How rare each statistic is, so that choices of few and many options compare.

    The standard score of the cube root of each, as if they followed the gamma distribution that has
    the mean and variance of all (Wilson and Hilferty 1931, "The Distribution of Chi-Square"). The
    test holds however well that fits.
    """
    mean, variance = float(statistics.mean()), float(statistics.var())
    if variance <= 1e-12 * mean**2:
        return np.zeros(len(statistics))
    spread = variance / (9 * mean**2)
    scores = (np.cbrt(np.maximum(statistics, 0) / mean) - (1 - spread)) / np.sqrt(spread)
    return np.asarray(np.round(scores, 9))  # equal ones are equal whatever their rounding errors


def _ranks_within(values: Floats, blocks: NDArray[np.int64]) -> Floats:
    """Average ranks within each block, centered and scaled to it."""
    ranks = np.empty(len(values))
    for block in np.unique(blocks):
        here = blocks == block
        ranks[here] = (average_ranks(values[here]) - (here.sum() + 1) / 2) / here.sum()
    return ranks


def _shuffled(ranks: Floats, blocks: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """The ranks, and below them those that were shuffled within each block."""
    rows = np.repeat(ranks[None], 1 + _SHUFFLES, axis=0)
    for block in np.unique(blocks):
        here = np.flatnonzero(blocks == block)
        rows[1:, here] = rng.permuted(rows[1:, here], axis=1)
    return rows
