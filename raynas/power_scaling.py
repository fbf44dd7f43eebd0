"""Numbers brought to a scale on which they can be squared and subtracted without overflow.

Rewards may be of any finite size: a loss of 1e160 or of 1e-200 is one too. Factors are powers of
two, so that no digit is lost and the same numbers come back.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["UnitScale"]

_LARGEST = sys.float_info.max


@dataclass(frozen=True)
class UnitScale:
    """Divides numbers by a power of two that brings those it was made for below 1.

    Attributes:
        exponent: Exponent of two: numbers are divided by ``2 ** exponent``.
    """

    exponent: int

    @classmethod
    def of(cls, values: ArrayLike) -> UnitScale:
        """The scale on which the largest of `values` lies between 0.5 and 1 in size.

        1 for no values, and where all are 0.
        """
        sizes = np.abs(np.asarray(values, dtype=float))
        return cls(int(np.frexp(sizes.max(initial=0.0))[1]))

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        """`values` on this scale."""
        scaled: NDArray[np.float64] = np.ldexp(np.asarray(values, dtype=float), -self.exponent)
        return scaled

    def restored(self, value: float) -> float:
        """The inverse for one number; the largest number there is where it is too large."""
        with np.errstate(over="ignore"):
            return float(np.clip(np.ldexp(float(value), self.exponent), -_LARGEST, _LARGEST))
