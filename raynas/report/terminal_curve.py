"""The search curve for a terminal: dots of Braille characters, two wide and four high a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cell", "plain_curve"]

_BLANK = 0x2800  # first character of Unicode's block of Braille patterns
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_LOW_OUTLIERS = 0.02  # as in the report's curve


@dataclass(frozen=True)
class Cell:
    """A character of the plot, and whether the best so far passes through it."""

    character: str
    best: bool


def plain_curve(
    numbers: Sequence[int], rewards: Sequence[float], width: int, height: int
) -> tuple[list[list[Cell]], float, float]:
    """Rewards as dots and the best so far as a line.

    Args:
        numbers: Numbers of the trials, rising.
        rewards: Theirs.
        width: Width in characters.
        height: Height in lines.

    Returns:
        The lines from top to bottom, and the rewards at the bottom and at the top. The lowest
        2 % of the rewards lie at the bottom.
    """
    dots = np.zeros((4 * height, 2 * width), dtype=bool)
    line = np.zeros_like(dots)
    low, high = (
        (float(np.quantile(rewards, _LOW_OUTLIERS, method="lower")), max(rewards))
        if rewards
        else (0.0, 1)
    )
    if rewards:
        last = max(numbers[-1], 1)
        x = [number * (2 * width - 1) // last for number in numbers]
        y = [_row(reward, low, high, 4 * height) for reward in rewards]
        dots[y, x] = True
        best = [_row(reward, low, high, 4 * height) for reward in accumulate(rewards, max)]
        for start, end, row in zip(x, [*x[1:], 2 * width], best, strict=True):
            line[row, start : max(end, start + 1)] = True
    return _cells(dots | line, line), low, high


def _row(reward: float, low: float, high: float, rows: int) -> int:
    share = (reward - low) / (high - low) if high > low else 0.5
    return rows - 1 - int(max(0.0, min(share, 1.0)) * (rows - 1))


def _cells(dots: NDArray[np.bool_], line: NDArray[np.bool_]) -> list[list[Cell]]:
    height, width = dots.shape[0] // 4, dots.shape[1] // 2
    return [
        [
            Cell(
                chr(_BLANK + int(_DOTS[_block(dots, row, column)].sum())),
                bool(_block(line, row, column).any()),
            )
            for column in range(width)
        ]
        for row in range(height)
    ]


def _block(of: NDArray[np.bool_], row: int, column: int) -> NDArray[np.bool_]:
    return of[4 * row : 4 * row + 4, 2 * column : 2 * column + 2]
