"""How much a score varies from one training of an architecture to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from raynas.errors import ConfigurationError
from raynas.wording import counted

__all__ = ["Variance", "smallest_difference", "typical_noise", "variance_of"]


@dataclass(frozen=True)
class Variance:
    """The scores of one architecture trained several times.

    Attributes:
        scores: Score of each training.
        mean: Mean of the scores.
        deviation: Standard deviation of the scores, in the metric's unit.
        deviation_low: Lower end of its confidence interval.
        deviation_high: Upper end.
        variation: Coefficient of variation, `deviation` over the size of `mean`; infinite where
            the mean is 0.
        variation_low: Lower end of its confidence interval.
        variation_high: Upper end.
        level: Confidence level of the intervals.
    """

    scores: tuple[float, ...]
    mean: float
    deviation: float
    deviation_low: float
    deviation_high: float
    variation: float
    variation_low: float
    variation_high: float
    level: float

    def apart(self, repeats: int) -> float:
        """See `smallest_difference`, for architectures that vary as this one does."""
        return smallest_difference(self.deviation, len(self.scores) - 1, repeats, self.level)


def variance_of(scores: Sequence[float], level: float = 0.95) -> Variance:
    """The spread of `scores`, with intervals for normally distributed ones.

    The deviation's interval is the chi-squared one. That of the coefficient of variation is
    Vangel 1996, "Confidence Intervals for a Normal Coefficient of Variation", The American
    Statistician 50, equation 6: McKay's, made accurate for small samples.

    Raises:
        ConfigurationError: There are fewer than two scores, or one is not finite.
    """
    _check_level(level)
    values = np.asarray(scores, dtype=float)
    if len(values) < 2:
        raise ConfigurationError(
            f"scores: {len(values)} of them; it takes two trainings at least to see a variance"
        )
    if not np.isfinite(values).all():
        raise ConfigurationError(f"scores={scores!r}: must all be finite; leave failed ones out")
    count = len(values)
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    tails = [float(stats.chi2.ppf(part, count - 1)) for part in ((1 + level) / 2, (1 - level) / 2)]
    low, high = (deviation * math.sqrt((count - 1) / tail) for tail in tails)
    variation = deviation / abs(mean) if mean else math.inf
    small, large = (_vangel(variation, count, tail) for tail in tails)
    return Variance(
        tuple(values.tolist()), mean, deviation, low, high, variation, small, large, level
    )


def smallest_difference(
    deviation: float, freedom: int, repeats: int, level: float = 0.95, power: float | None = None
) -> float:
    """The smallest difference of two architectures' mean scores that is beyond noise.

    Of Student's test: ``t · deviation · sqrt(2 / repeats)``, t being the two-sided quantile.

    Args:
        deviation: Standard deviation of a score from training to training.
        freedom: Degrees of freedom of its estimate: trainings less architectures.
        repeats: Trainings of each of the two.
        level: Confidence that a difference so large is not noise.
        power: Give instead the true difference which is found with this probability
            (0.8 is usual).

    Raises:
        ConfigurationError: An argument is out of its range.
    """
    _check_level(level)
    for name, value in (("freedom", freedom), ("repeats", repeats)):
        if value < 1:
            raise ConfigurationError(f"{name}={value}: must be at least 1")
    if power is not None and not 0.5 <= power < 1:
        raise ConfigurationError(f"power={power}: must be from 0.5 to below 1")
    quantile = float(stats.t.ppf((1 + level) / 2, freedom))
    if power is not None:
        quantile += float(stats.t.ppf(power, freedom))
    return quantile * deviation * math.sqrt(2 / repeats)


def typical_noise(
    groups: Sequence[Sequence[float]], level: float = 0.95
) -> tuple[float, float, float]:
    """The typical deviation among architectures that differ in it, and its interval.

    This is the geometric mean of the deviations: ordinary pooling would give that of the noisiest.
    The logarithm of each variance is freed of its bias, ``digamma(f/2) - log(f/2)`` at f degrees
    of freedom (Bartlett and Kendall 1946, JRSS Supplement 8), and the interval is Student's over
    architectures.

    Args:
        groups: The scores of each architecture. Those with fewer than two, or without any spread,
            as at chance level, are left out.
        level: Confidence level of the interval.

    Returns:
        The deviation, and the ends of its interval.

    Raises:
        ConfigurationError: Fewer than two architectures are left.
    """
    from scipy.special import digamma

    _check_level(level)
    logs = []
    for group in groups:
        values = np.asarray(group, dtype=float)
        if len(values) > 1 and np.ptp(values) > 0:
            half = (len(values) - 1) / 2
            logs.append(math.log(values.var(ddof=1)) - float(digamma(half)) + math.log(half))
    if len(logs) < 2:
        raise ConfigurationError(
            f"groups: {counted(len(logs), 'architecture was', 'architectures were')} trained twice "
            "with different scores; it takes two"
        )
    reach = float(stats.t.ppf((1 + level) / 2, len(logs) - 1) * stats.sem(logs))
    middle = float(np.mean(logs))
    return (
        math.exp(middle / 2),
        math.exp((middle - reach) / 2),
        math.exp((middle + reach) / 2),
    )


def _vangel(variation: float, count: int, tail: float) -> float:
    """The end of the interval at which chi-squared with `count` - 1 degrees is `tail`."""
    if not math.isfinite(variation):
        return math.inf
    inside = ((tail + 2) / count - 1) * variation**2 + tail / (count - 1)
    return variation / math.sqrt(inside) if inside > 0 else math.inf


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ConfigurationError(f"level={level}: must be above 0 and below 1")
