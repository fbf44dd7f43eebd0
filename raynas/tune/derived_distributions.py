"""Tune's distributions that a space has no word for, each computed from a number that it has.

A logarithmic distribution with a quantum is searched through the multiple of the quantum, which
gives the values that Tune draws, and a normal distribution through its quantile, which also gives
Tune's distribution (inverse transform sampling).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isclose
from statistics import NormalDist
from typing import Any

from ray.tune.search.sample import Integer, LogUniform, Normal, Quantized

from raynas.errors import SpaceError
from raynas.space import integer, real

__all__ = ["Drawn", "drawn"]

_SMALLEST = 2.0**-53  # the least that a generator of doubles draws above 0


@dataclass(frozen=True)
class Drawn:
    """How the values of a distribution are computed from a number that is searched.

    Attributes:
        name: What the number is: ``"multiple"`` or ``"quantile"``.
        declared: Domain of the decision, from `raynas.space.integer` or `raynas.space.real`.
        value: Function from the number to the value.
        number: Function from a value to its number.
    """

    name: str
    declared: Any
    value: Callable[[Any], int | float]
    number: Callable[[Any], int | float]


def drawn(domain: Any) -> Drawn | None:
    """How an `Integer` or a `Float` is computed; None where a space can hold its values themselves.

    Raises:
        SpaceError: It has no value.
    """
    sampler = domain.get_sampler()
    quantum = sampler.q if isinstance(sampler, Quantized) else None
    sampler = sampler.sampler if isinstance(sampler, Quantized) else sampler
    if isinstance(sampler, Normal):
        return _normal(sampler, quantum)
    if quantum is None or not isinstance(sampler, LogUniform):
        return None
    return None if isinstance(domain, Integer) and quantum == 1 else _multiple(domain, quantum)


def _multiple(domain: Any, quantum: Any) -> Drawn:
    low, high = _up(domain.lower / quantum), -_up(-domain.upper / quantum)
    if low > high:
        raise SpaceError(
            f"no multiple of {quantum} lies between {domain.lower} and {domain.upper}: "
            "use another quantum"
        )
    return Drawn(
        "multiple",
        integer(low, high, log=True),
        lambda multiple: domain.cast(multiple * quantum),
        lambda value: round(value / quantum),
    )


def _normal(sampler: Normal, quantum: Any) -> Drawn:
    normal = NormalDist(sampler.mean, sampler.sd)

    def value(quantile: float) -> float:
        found = normal.inv_cdf(quantile)
        return found if quantum is None else float(round(found / quantum) * quantum)

    return Drawn(
        "quantile",
        real(_SMALLEST, 1 - _SMALLEST),
        value,
        lambda given: min(max(normal.cdf(given), _SMALLEST), 1 - _SMALLEST),
    )


def _up(number: float) -> int:
    """The least whole number from `number` on, which rounding errors do not move."""
    near = round(number)
    return near if isclose(number, near) or near > number else near + 1
