"""Random numbers in the shapes that spaces need them in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from raynas.arguments import shown
from raynas.errors import SpaceError
from raynas.space.options import Uniforms

__all__ = ["check_generator", "uniforms", "whole_below"]

_BLOCK = 64  # draws at once, as a call of NumPy costs more than a number


def uniforms(rng: np.random.Generator) -> Uniforms:
    """Numbers from 0 to 1; many are drawn at once, which is cheaper than one by one."""

    def draw() -> Iterator[float]:
        while True:
            yield from rng.random(_BLOCK).tolist()

    return draw().__next__


def whole_below(limit: int, rng: np.random.Generator) -> int:
    """A whole number from 0 up to but without `limit`, uniform, however large."""
    bits = limit.bit_length()
    while True:
        number = int.from_bytes(rng.bytes(-(-bits // 8)), "little") >> (-bits % 8)
        if number < limit:
            return number


def check_generator(rng: Any) -> None:
    """Refuse what draws no random numbers, such as a seed.

    Raises:
        SpaceError: `rng` is no generator of NumPy.
    """
    if not isinstance(rng, np.random.Generator):
        raise SpaceError(
            f"rng={shown(rng)}: must be a NumPy generator; give numpy.random.default_rng(SEED)"
        )
