"""The possible answers to one decision, and how an answer looks from outside.

A decision is answered with an index, with a number of an interval, or with a combination of
indices. Outside of `raynas.space` an answer is one or several scalars, one a column: what Tune's
configs, Optuna's parameters and encodings hold.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from raynas.errors import SpaceError

__all__ = [
    "Answer",
    "Choose",
    "Column",
    "Finite",
    "Interval",
    "Options",
    "Scalar",
    "Uniforms",
    "index_of",
    "plain",
]

Scalar: TypeAlias = bool | int | float | str | None
Answer: TypeAlias = Any
"""An index, a float, or a tuple of indices, as the kind of options has it."""
Choose: TypeAlias = Callable[[int, "Sequence[int] | None"], Any]
"""Gives the code in the column at a position; one of the second argument unless that is None."""
Uniforms: TypeAlias = Callable[[], float]
"""Gives independent numbers, uniform from 0 up to but without 1."""


def plain(value: Any) -> Any:
    """A number or text of NumPy as Python's own: of 32 bits, 0.1 as 0.1; all else as it is."""
    if not isinstance(value, np.generic):
        return value
    return float(str(value)) if isinstance(value, np.floating) else value.item()


def index_of(values: Sequence[Any], value: object) -> int | None:
    """Position of `value` in `values`, or None. ``True`` is not taken for ``1``."""
    value = plain(value)
    if isinstance(values, range):
        if isinstance(value, int) and not isinstance(value, bool) and value in values:
            return values.index(value)
        return None
    for index, candidate in enumerate(values):
        if isinstance(candidate, bool) == isinstance(value, bool) and candidate == value:
            return index
    return None


@dataclass(frozen=True, slots=True)
class Column:
    """A scalar of the flat form of an architecture.

    Attributes:
        path: Path of the decision, as in ``blocks[0].Conv.kernel``.
        values: A tuple of labels, a `range` of ordered numbers, or an `Interval`.
        log: Whether the numbers of a `range` are drawn uniformly by their logarithm.
    """

    path: str
    values: tuple[Scalar, ...] | range | Interval
    log: bool = False

    def value(self, code: Any) -> Scalar:
        """The scalar that `code` stands for: an index, or in an interval the number itself."""
        scalar: Scalar = code if isinstance(self.values, Interval) else self.values[code]
        return scalar

    def index(self, code: Any) -> int:
        """The position of `code` among the values.

        Raises:
            SpaceError: The values are real numbers without steps.
        """
        if not isinstance(self.values, Interval):
            return int(code)
        if self.values.step is None:
            raise SpaceError(
                f"{self.path} is a real number without steps, which has no integer encoding: "
                "use one_hot, or give it a step"
            )
        return self.values.rank(code)

    def code(self, value: object) -> Any:
        """The inverse of `value`.

        Raises:
            SpaceError: `value` is not one of the values.
        """
        values = self.values
        found = values.nearest(value) if isinstance(values, Interval) else index_of(values, value)
        if found is None:
            shown = values if not isinstance(values, tuple) else ", ".join(map(repr, values))
            raise SpaceError(f"config[{self.path!r}] = {value!r}: give one of {shown}")
        return found


class Options(ABC):
    """What may be answered to a decision."""

    @property
    @abstractmethod
    def size(self) -> int | float:
        """Number of answers; infinite for an interval without steps."""

    @abstractmethod
    def draw(self, uniform: Uniforms) -> Answer:
        """A random answer, uniform over all of them, or by the logarithm of numbers."""

    @abstractmethod
    def others(self, answer: Answer) -> Iterator[Answer]:
        """All answers that differ from `answer` in one respect. Symmetric."""

    @abstractmethod
    def unrank(self, rank: int) -> Answer:
        """The answer number `rank`, from 0 to ``size - 1``."""

    @abstractmethod
    def columns(self, path: str) -> tuple[Column, ...]:
        """The scalars of an answer at `path`, those that only some answers have too."""

    def codes(self, answer: Answer) -> tuple[Any, ...]:
        """The code in each column, by default a single one; None where this answer has none."""
        return (answer,)

    def answer(self, codes: Sequence[Any]) -> Answer:
        """The inverse of `codes`; None where they are no answer."""
        return codes[0]

    def chosen(self, choose: Choose) -> Answer:
        """The answer whose codes `choose` gives, column after column."""
        return choose(0, None)

    def change(self, answer: Answer, uniform: Uniforms) -> Answer:
        """One of `others`, uniform over them."""
        others = list(self.others(answer))
        return others[int(uniform() * len(others))]


@dataclass(frozen=True)
class Finite(Options):
    """One of several values; the answer is its index.

    Attributes:
        values: Labels, or numbers in order.
        log: Whether numbers are drawn uniformly by their logarithm: n as often as a real number
            between n and n + 1.
    """

    values: tuple[Scalar, ...] | range
    log: bool = False

    def __str__(self) -> str:
        if isinstance(self.values, range):
            return f"{self.values}{', log' if self.log else ''}"
        return ", ".join(map(repr, self.values))

    @cached_property
    def size(self) -> int:
        """See `Options.size`."""
        return len(self.values)

    def draw(self, uniform: Uniforms) -> Answer:
        """See `Options.draw`."""
        if isinstance(self.values, range) and self.log:
            low, end = self.values[0], self.values[-1] + 1
            return min(int(low * (end / low) ** uniform()) - low, self.size - 1)
        return int(uniform() * self.size)

    def others(self, answer: Answer) -> Iterator[Answer]:
        """See `Options.others`."""
        return (index for index in range(self.size) if index != answer)

    def change(self, answer: Answer, uniform: Uniforms) -> Answer:
        """See `Options.change`."""
        other = int(uniform() * (self.size - 1))
        return other + (other >= answer)

    def unrank(self, rank: int) -> Answer:
        """See `Options.unrank`."""
        return rank

    def columns(self, path: str) -> tuple[Column, ...]:
        """See `Options.columns`."""
        return (Column(path, self.values, self.log),)


@dataclass(frozen=True)
class Interval(Options):
    """A number from `low` to `high`, both included; the answer is the number.

    Attributes:
        low: The lower bound.
        high: The upper bound.
        step: Distance of the numbers from each other; None for all of them.
        log: Whether numbers are drawn uniformly by their logarithm.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __str__(self) -> str:
        step = "" if self.step is None else f", step={self.step}"
        return f"{self.low} to {self.high}{step}{', log' if self.log else ''}"

    @cached_property
    def size(self) -> int | float:
        """See `Options.size`."""
        return math.inf if self.step is None else round((self.high - self.low) / self.step) + 1

    def nearest(self, value: object) -> float | None:
        """`value`, exactly on its step or bound; None where it lies outside or between two steps.

        Off by a billionth of a step, or of a bound where there are no steps, counts as a rounding
        error.
        """
        value = plain(value)
        if not isinstance(value, Real) or isinstance(value, bool):
            return None
        try:
            number = float(value)
        except OverflowError:
            return None
        found = min(max(number, self.low), self.high)
        if self.step is not None:
            found = self.unrank(self.rank(found))
        error = 1e-9 * (abs(found) if self.step is None else self.step)
        if not self.log:  # the digits that numbers of this size have
            error = max(error, 8 * math.ulp(max(-self.low, self.high)))
        return found if abs(number - found) <= error and math.isfinite(number) else None

    def rank(self, value: float) -> int:
        """The number of the step that is nearest to `value`, from 0 on.

        Raises:
            SpaceError: There is no step.
        """
        if self.step is None:
            raise SpaceError(f"real({self.low}, {self.high}) cannot be counted: give it a step")
        return round((value - self.low) / self.step)

    def scaled(self, value: float) -> float:
        """Position of `value` between the bounds, from 0 to 1, by its logarithm where `log`."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        if math.isinf(high - low):
            low, high, at = low / 2, high / 2, at / 2
        return (at - low) / (high - low)

    def unscaled(self, share: float) -> float:
        """The inverse of `scaled`, whatever the step."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            number = math.exp(min(low + share * (high - low), high))
        elif math.isinf(self.high - self.low):
            number = self.low * (1 - share) + self.high * share
        else:
            number = self.low + share * (self.high - self.low)
        return min(max(number, self.low), self.high)

    def spaced(self, count: int) -> tuple[float, ...]:
        """`count` numbers at equal distances, by their logarithm where `log`, bounds included."""
        inner = (self.unscaled(place / (count - 1)) for place in range(1, count - 1))
        return tuple(dict.fromkeys((self.low, *inner, self.high)))

    def draw(self, uniform: Uniforms) -> Answer:
        """See `Options.draw`."""
        if self.step is not None:
            return self.unrank(int(uniform() * self.size))
        return self.unscaled(uniform())

    def others(self, answer: Answer) -> Iterator[Answer]:
        """See `Options.others`. None where there is no step: there is no nearest number."""
        if self.step is None:
            return iter(())
        own = self.rank(answer)
        return (self.unrank(rank) for rank in range(int(self.size)) if rank != own)

    def change(self, answer: Answer, uniform: Uniforms) -> Answer:
        """See `Options.change`. Without a step, a new number."""
        if self.step is None:
            return self.draw(uniform)
        other = int(uniform() * (self.size - 1))
        return self.unrank(other + (other >= self.rank(answer)))

    def unrank(self, rank: int) -> Answer:
        """See `Options.unrank`.

        Raises:
            SpaceError: There is no step.
        """
        if self.step is None:
            raise SpaceError(f"real({self.low}, {self.high}) cannot be counted: give it a step")
        if rank == self.size - 1:
            return self.high
        # In decimals, as it is written: 0.1 + 2 * 0.1 is 0.3.
        return float(Decimal(repr(self.low)) + rank * Decimal(repr(self.step)))

    def columns(self, path: str) -> tuple[Column, ...]:
        """See `Options.columns`."""
        return (Column(path, self),)
