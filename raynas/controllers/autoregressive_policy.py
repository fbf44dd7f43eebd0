"""Architectures as sequences of steps, each of which takes an option of a column of the space.

Steps come in the order in which a space asks for its decisions, parents first; columns that are
not active are not asked for. So any model of the next step, given those before, is a distribution
over the whole space, whatever is nested or conditional in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from raynas.space import Column, Interval, Space
from raynas.space.options import Answer, Options
from raynas.trials import Architecture

__all__ = ["Chooser", "Step", "Vocabulary", "Weights"]

Chooser: TypeAlias = Callable[[int, "Sequence[int] | None"], int]
"""From a column's number and the options offered (None for all) to the option taken."""

_BINS = 24
"""Into so many options, of equal width, the values of a larger column are put together."""


@dataclass(frozen=True)
class Step:
    """One decision of an architecture.

    Attributes:
        column: Number of the column in `Space.columns`.
        option: Which of the column's options was taken.
        offered: Options that can be taken; None for all.
    """

    column: int
    option: int
    offered: tuple[int, ...] | None = None


class Vocabulary:
    """The options of all columns of a space, numbered one after another.

    Attributes:
        space: The space.
        counts: Number of options of each column.
        starts: Number of each column's first option among those of all columns.
    """

    def __init__(self, space: Space[Any]) -> None:
        self.space = space
        self.counts = [_options(column) for column in space.columns]
        self.starts = np.concatenate([[0], np.cumsum(self.counts)]).astype(int).tolist()
        self._number = {column.path: number for number, column in enumerate(space.columns)}

    @property
    def size(self) -> int:
        """Number of all options."""
        return int(self.starts[-1])

    def steps(self, architecture: Architecture) -> list[Step]:
        """What was decided for `architecture`, in order."""
        found: list[Step] = []
        for path, options, answer in self.space.decisions.trace(architecture):
            columns, codes = options.columns(path), options.codes(answer)

            def take(
                place: int,
                offered: Sequence[int] | None,
                columns: Sequence[Column] = columns,
                codes: Sequence[Any] = codes,
            ) -> Any:
                number = self._number[columns[place].path]
                option = self._option(number, codes[place])
                found.append(Step(number, option, None if offered is None else tuple(offered)))
                return codes[place]

            options.chosen(take)
        return found

    def draw(self, begin: Callable[[], Chooser], rng: np.random.Generator) -> Architecture:
        """The architecture that a chooser leads to; each attempt at a feasible one has its own.

        Args:
            begin: Makes a chooser.
            rng: Generator of the values within an option that stands for several.
        """

        def attempt() -> Architecture:
            choose = begin()

            def decide(path: str, options: Options) -> Answer:
                columns = options.columns(path)

                def take(place: int, offered: Sequence[int] | None) -> Any:
                    number = self._number[columns[place].path]
                    return self._code(number, choose(number, offered), rng)

                return options.chosen(take)

            return self.space.decisions.build(decide)

        return self.space.decisions.first_feasible(attempt)

    def _option(self, number: int, code: Any) -> int:
        column, count = self.space.columns[number], self.counts[number]
        if isinstance(column.values, Interval) and column.values.step is None:
            return min(int(column.values.scaled(code) * count), count - 1)
        return column.index(code) * count // _length(column)

    def _code(self, number: int, option: int, rng: np.random.Generator) -> Any:
        column, count = self.space.columns[number], self.counts[number]
        values = column.values
        if isinstance(values, Interval) and values.step is None:
            return values.unscaled((option + rng.random()) / count)
        length = _length(column)
        if length > count:
            first, end = (-(-edge * length // count) for edge in (option, option + 1))
            option = int(rng.integers(first, end))
        return values.unrank(option) if isinstance(values, Interval) else option


@dataclass(frozen=True)
class Weights:
    """The autoregressive estimator of `raynas.controllers.ppo` in plain arrays.

    Attributes:
        taken: What an option adds to the hidden layer once taken, shape ``(options, hidden)``.
        asked: What a column adds when it is asked for, ``(columns, hidden)``.
        scores: Weights from the hidden layer to an option's logit, ``(options, hidden)``.
        bias: What is added to the logits, ``(options,)``.
    """

    taken: NDArray[np.float64]
    asked: NDArray[np.float64]
    scores: NDArray[np.float64]
    bias: NDArray[np.float64]

    def chooser(self, words: Vocabulary, rng: np.random.Generator, heat: float = 1.0) -> Chooser:
        """One that draws options with their probabilities at temperature `heat`."""
        so_far = np.zeros(self.taken.shape[1])

        def choose(column: int, offered: Sequence[int] | None) -> int:
            start, count = words.starts[column], words.counts[column]
            rows = slice(start, start + count)
            hidden = np.tanh(self.asked[column] + so_far)
            logits = (self.scores[rows] @ hidden + self.bias[rows]) / heat
            if offered is not None:
                withheld = np.ones(count, dtype=bool)
                withheld[list(offered)] = False
                logits[withheld] = -np.inf
            heights = np.cumsum(np.exp(logits - logits.max()))
            option = int(np.searchsorted(heights, rng.random() * heights[-1], side="right"))
            np.add(so_far, self.taken[start + option], out=so_far)
            return option

        return choose


def _length(column: Column) -> int:
    values = column.values
    return int(values.size) if isinstance(values, Interval) else len(values)


def _options(column: Column) -> int:
    if isinstance(column.values, Interval) and column.values.step is None:
        return _BINS
    return min(_length(column), _BINS)
