"""Lengths of a training, as shares of a full one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from raynas.errors import ConfigurationError

__all__ = ["checked_budgets", "shown_budgets"]


def checked_budgets(budgets: object) -> tuple[float, ...]:
    """`budgets` as floats.

    Raises:
        ConfigurationError: They are not numbers above 0 that rise to 1.
    """
    given = tuple(budgets) if isinstance(budgets, Sequence) and not isinstance(budgets, str) else ()
    numbers = all(isinstance(b, int | float) and not isinstance(b, bool) for b in given)
    if not given or not numbers or min(given) <= 0 or given[-1] != 1 or _falls(given):
        raise ConfigurationError(
            f"budgets={budgets!r}: must be shares of a full training, above 0 and rising to 1, "
            "such as (1/60, 1/15, 1/4, 1)"
        )
    return tuple(map(float, given))


def shown_budgets(budgets: Sequence[float]) -> str:
    """`budgets` for people, such as ``1/60, 1/4, 1``."""
    return ", ".join(str(Fraction(budget).limit_denominator(10_000)) for budget in budgets)


def _falls(numbers: Sequence[float]) -> bool:
    return any(one >= other for one, other in pairwise(numbers))
