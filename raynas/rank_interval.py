"""Kendall's tau with an interval that holds for a handful of pairs.

A bootstrap over a handful is degenerate: where all ranks agree, so they do in every resample, and
the interval has no width. Here tau is a share of concordant pairs, whose exact binomial interval
(Clopper and Pearson 1934) always has a width. Pairs that share a member are not independent; so
as many are counted as would give the variance that tau has where nothing agrees,
2 (2n + 5) / (9 n (n - 1)) (Kendall 1938, "A New Measure of Rank Correlation", Biometrika 30).
"""

from __future__ import annotations

import math

__all__ = ["FEWEST", "chance_of_agreement", "independent_pairs", "tau_interval"]

FEWEST = 5
"""Fewer say nothing: n ranks all agree, or are reversed, by chance in 2 of n! cases: 8 % for 4."""


def chance_of_agreement(count: int) -> float:
    """Probability that the ranks of `count` all agree, or are all reversed, by chance."""
    return min(1.0, 2 / math.factorial(count))


def independent_pairs(count: int) -> float:
    """How many independent pairs tell as much as all pairs of `count`."""
    return 9 * count * (count - 1) / (2 * (2 * count + 5))


def tau_interval(tau: float, count: int, level: float = 0.95) -> tuple[float, float]:
    """The two-sided interval of Kendall's tau over `count` pairs of scores.

    It leaves out 0 only where the exact test does, roughly, and never has the width 0.
    """
    from scipy import stats

    pairs, tail = independent_pairs(count), (1 - level) / 2
    against = round((1 - tau) / 2, 9) * pairs
    most = float(stats.beta.ppf(1 - tail, against + 1, pairs - against)) if against < pairs else 1.0
    least = float(stats.beta.ppf(tail, against, pairs - against + 1)) if against else 0.0
    return 1 - 2 * most, 1 - 2 * least
