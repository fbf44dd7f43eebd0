"""Rewards that multiply a quality by powers of costs over their targets."""

from __future__ import annotations

import math
from dataclasses import dataclass

from raynas.arguments import checked
from raynas.errors import ConfigurationError
from raynas.rewards.base import Reward
from raynas.rewards.figures import check_above_zero, check_finite, figures
from raynas.trials import Infeasible, Measurement

__all__ = ["Factor", "MnasNet", "WeightedProduct"]


@checked
@dataclass(frozen=True)
class Factor:
    """One cost in a product: ``(cost / target) ** exponent``.

    Args:
        cost: Metric, above zero, of which less is better.
        target: What it should be, in the metric's unit.
        exponent: Below zero; -0.07 gives the product up by about 5 % for twice the cost.

    Raises:
        ConfigurationError: `target` is not above zero, or `exponent` not below it.
    """

    cost: str
    target: float
    exponent: float = -0.07

    def __post_init__(self) -> None:
        check_above_zero("target", self.target)
        check_finite("exponent", self.exponent)
        if self.exponent >= 0:
            raise ConfigurationError(f"exponent={self.exponent}: must be below 0")


@checked
@dataclass(frozen=True)
class WeightedProduct(Reward):
    """``quality * product of (cost_i / target_i) ** exponent_i``.

    The form for one cost is that of Tan et al. 2019, "MnasNet: Platform-Aware Neural Architecture
    Search for Mobile", CVPR, section 3.1, equation 2; over several costs it is the weighted
    product method, which the paper names as its origin (Deb 2014, "Multi-objective Optimization").

    Args:
        quality: Metric, above zero, of which more is better.
        factors: Factors of the product, each a `Factor`.

    Raises:
        ConfigurationError: There is no factor.
    """

    quality: str
    factors: tuple[Factor, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "factors", tuple(self.factors))
        if not self.factors or not all(isinstance(factor, Factor) for factor in self.factors):
            raise ConfigurationError(f"factors={self.factors!r}: give one Factor or more")

    def __str__(self) -> str:
        powers = (f"({f.cost}/{f.target:g})^{f.exponent:g}" for f in self.factors)
        return " * ".join((self.quality, *powers))

    def __call__(self, measurement: Measurement) -> float | Infeasible:
        """See `Reward.__call__`."""
        found = figures(measurement, self.quality, *(factor.cost for factor in self.factors))
        if isinstance(found, Infeasible):
            return found
        quality, *costs = found
        pairs = zip(costs, self.factors, strict=True)
        return quality * math.prod(math.pow(cost / f.target, f.exponent) for cost, f in pairs)


@checked
@dataclass(frozen=True)
class MnasNet(Reward):
    """``quality * (cost / target) ** w``, w being `alpha` up to the target and `beta` above it.

    Tan et al. 2019, "MnasNet: Platform-Aware Neural Architecture Search for Mobile", CVPR, section
    3.1, equations 2 and 3. `soft` (alpha = beta = -0.07) trades quality for cost on either side of
    the target; `hard` (alpha = 0, beta = -1) gives nothing for being below it and much up for
    being above.

    Args:
        quality: Metric, above zero, of which more is better.
        cost: Metric, above zero, of which less is better, such as ``"latency_p50"``.
        target: What it should be, in the metric's unit.
        alpha: Exponent up to the target, at most zero.
        beta: Exponent above it, at most zero.

    Raises:
        ConfigurationError: An argument is out of its range.
    """

    quality: str
    cost: str
    target: float
    alpha: float = -0.07
    beta: float = -0.07

    def __post_init__(self) -> None:
        check_above_zero("target", self.target)
        for name, value in (("alpha", self.alpha), ("beta", self.beta)):
            check_finite(name, value)
            if value > 0:
                raise ConfigurationError(f"{name}={value}: must be at most 0")

    @classmethod
    def soft(cls, quality: str, cost: str, target: float) -> MnasNet:
        """Alpha = beta = -0.07: doubling the cost is worth 5 % of the quality."""
        return cls(quality, cost, target)

    @classmethod
    def hard(cls, quality: str, cost: str, target: float) -> MnasNet:
        """Alpha = 0, beta = -1: the target as a constraint."""
        return cls(quality, cost, target, alpha=0.0, beta=-1.0)

    def __str__(self) -> str:
        return f"{self.quality} * ({self.cost}/{self.target:g})^({self.alpha:g} or {self.beta:g})"

    def __call__(self, measurement: Measurement) -> float | Infeasible:
        """See `Reward.__call__`."""
        found = figures(measurement, self.quality, self.cost)
        if isinstance(found, Infeasible):
            return found
        quality, cost = found
        exponent = self.alpha if cost <= self.target else self.beta
        return quality * math.pow(cost / self.target, exponent)
