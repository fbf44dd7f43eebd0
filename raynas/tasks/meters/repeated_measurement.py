"""Intervals of measurements that were repeated: where another one will be.

Measurements of time and energy are positive and skewed, so all this is of their logarithms; the
intervals are Student's, for a mean and for a further observation (Hahn and Meeker 1991,
"Statistical Intervals", sections 4.2 and 4.7).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["Repeated", "repeated"]

_CONFIDENCE = 0.95  # the usual level


@dataclass(frozen=True)
class Repeated:
    """What repetitions say.

    Attributes:
        value: Median of the repetitions.
        low: Lower end of the interval in which a further one lies, in 95 of 100 cases.
        high: Upper end of the interval.
        uncertainty: Half the width of the 95 % confidence interval of their mean, as a share of
            it; infinite for a single one.
    """

    value: float
    low: float
    high: float
    uncertainty: float


def repeated(values: Sequence[float]) -> Repeated:
    """Sum up `values`, one a repetition; numbers that are not all positive are taken as they are.

    Raises:
        ValueError: There are none.
    """
    from scipy.stats import t

    count, middle = len(values), median(values)
    if count < 2:
        return Repeated(middle, middle, middle, math.inf)
    positive = min(values) > 0
    scaled = [math.log(value) for value in values] if positive else list(values)
    mean = math.fsum(scaled) / count
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in scaled) / (count - 1))
    factor = float(t.ppf((1 + _CONFIDENCE) / 2, count - 1))
    of_mean, of_next = (
        factor * spread / math.sqrt(count),
        factor * spread * math.sqrt(1 + 1 / count),
    )
    if positive:
        low, high = math.exp(mean - of_next), math.exp(mean + of_next)
        return Repeated(middle, min(low, middle), max(high, middle), math.expm1(of_mean))
    low, high = mean - of_next, mean + of_next
    share = of_mean / abs(mean) if mean else (math.inf if of_mean else 0.0)
    return Repeated(middle, min(low, middle), max(high, middle), share)
