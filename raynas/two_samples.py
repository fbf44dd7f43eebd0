"""Tests of two samples, equal to those of ``scipy.stats``, which takes half a second to import.

Stop rules need them, and with these the commands that only look at a search.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raynas.association import average_ranks

__all__ = ["chance_of_higher", "chance_of_more", "chance_of_spreads"]

Floats = NDArray[np.float64]

_EXACT = 8
"""SciPy counts permutations where one of the samples has no more values than this, and no ties."""


def chance_of_higher(one: Sequence[float] | Floats, other: Sequence[float] | Floats) -> float:
    """Mann-Whitney U test: the p-value of `one` being higher than `other`.

    ``scipy.stats.mannwhitneyu(one, other, alternative="greater")``: by the normal approximation
    with corrections for ties and continuity.
    """
    first, second = len(one), len(other)
    if min(first, second) <= _EXACT:
        from scipy.stats import mannwhitneyu

        return float(mannwhitneyu(one, other, alternative="greater").pvalue)
    both = np.concatenate([one, other])
    ties = np.unique(both, return_counts=True)[1].astype(float)
    pairs, count = first * second, first + second
    wins = float(average_ranks(both)[:first].sum()) - first * (first + 1) / 2
    variance = pairs / 12 * (count + 1 - float((ties**3 - ties).sum()) / (count * (count - 1)))
    if variance <= 0:  # all values are equal
        return 1.0
    return 0.5 * math.erfc((wins - pairs / 2 - 0.5) / math.sqrt(2 * variance))


def chance_of_spreads(one: Floats, other: Floats) -> float:
    """Brown-Forsythe test: the p-value of the two having different spreads around their medians.

    ``scipy.stats.levene(one, other, center="median")``; NaN where both have no spread at all.
    """
    from scipy.special import fdtrc

    off = [np.abs(sample - np.median(sample)) for sample in (one, other)]
    means = [float(part.mean()) for part in off]
    count = len(one) + len(other)
    whole = (len(one) * means[0] + len(other) * means[1]) / count
    between = sum(len(part) * (mean - whole) ** 2 for part, mean in zip(off, means, strict=True))
    within = sum(float(((p - mean) ** 2).sum()) for p, mean in zip(off, means, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.float64((count - 2) * between) / within
    return float(fdtrc(1, count - 2, statistic))


def chance_of_more(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Fisher's exact test: the p-value of a share of `one` being larger than that of `other`.

    ``scipy.stats.fisher_exact(table, alternative="greater")``: the upper tail of the hypergeometric
    distribution.

    Args:
        one: How many there are of a kind, and how many in all.
        other: The same of those that it is compared with.
    """
    from scipy.special import gammaln

    (count, drawn), (rest, others) = one, other
    kind, whole = count + rest, drawn + others
    counts = np.arange(count, min(kind, drawn) + 1)

    def log_ways(of: int, taken: NDArray[np.int64] | int) -> Floats:
        return np.asarray(gammaln(of + 1) - gammaln(taken + 1) - gammaln(of - taken + 1))

    logs = log_ways(kind, counts) + log_ways(whole - kind, drawn - counts) - log_ways(whole, drawn)
    return min(1.0, float(np.exp(logs).sum()))
