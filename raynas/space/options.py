"""The possible answers to one decision, and how an answer looks from outside.

A decision is answered with an index, with a number of an interval, or with a combination of
indices. Outside of `raynas.space` an answer is one or several scalars, one a column: what Tune's
configs, Optuna's parameters and encodings hold.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from raynas.errors import SpaceError

__all__ = [
    "Answer",
    "Choose",
    "Column",
    "Combinations",
    "Finite",
    "Interval",
    "Options",
    "Scalar",
    "Uniforms",
    "index_of",
]

Scalar: TypeAlias = bool | int | float | str | None
Answer: TypeAlias = Any
"""An index, a float, or a tuple of indices, as the kind of options has it."""
Choose: TypeAlias = Callable[[int, "Sequence[int] | None"], Any]
"""Gives the code in the column at a position; one of the second argument unless that is None."""
Uniforms: TypeAlias = Callable[[], float]
"""Gives independent numbers, uniform from 0 up to but without 1."""


def index_of(values: Sequence[Any], value: object) -> int | None:
    """Position of `value` in `values`, or None. ``True`` is not taken for ``1``."""
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
        path: Its key, as in ``blocks[0].Conv.kernel``.
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
        steps: float = (code - self.values.low) / self.values.step
        return round(steps)

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
        """`value`, on its step exactly; None where it lies outside or between two steps."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            return None
        if not self.low <= value <= self.high:
            return None
        if self.step is None:
            return float(value)
        on_step = self.unrank(round((value - self.low) / self.step))
        return on_step if math.isclose(on_step, value, rel_tol=1e-9, abs_tol=1e-12) else None

    def scaled(self, value: float) -> float:
        """Where `value` lies between the bounds, from 0 to 1, by its logarithm where `log`."""
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return (at - low) / (high - low)

    def unscaled(self, share: float) -> float:
        """The inverse of `scaled`, whatever the step."""
        if self.log:
            number = math.exp(math.log(self.low) + share * math.log(self.high / self.low))
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
        values = (self.unrank(rank) for rank in range(int(self.size)))
        return (value for value in values if value != answer)

    def change(self, answer: Answer, uniform: Uniforms) -> Answer:
        """See `Options.change`. Without a step, a new number."""
        return self.draw(uniform) if self.step is None else super().change(answer, uniform)

    def unrank(self, rank: int) -> Answer:
        """See `Options.unrank`.

        Raises:
            SpaceError: There is no step.
        """
        if self.step is None:
            raise SpaceError(f"real({self.low}, {self.high}) cannot be counted: give it a step")
        return min(self.low + rank * self.step, self.high)

    def columns(self, path: str) -> tuple[Column, ...]:
        """See `Options.columns`."""
        return (Column(path, self),)


@dataclass(frozen=True)
class Combinations(Options):
    """Several of `labels`; the answer is the tuple of their indices.

    Attributes:
        labels: What is chosen from.
        least: Smallest number chosen.
        most: Largest number chosen.
        distinct: Whether none may be chosen twice.
        ordered: Whether the same ones in another order are another answer; otherwise indices
            rise.
    """

    labels: tuple[Scalar, ...]
    least: int
    most: int
    distinct: bool
    ordered: bool

    def __str__(self) -> str:
        number = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
        kind = ("distinct" if self.distinct else "any") + (", ordered" if self.ordered else "")
        return f"{number} of {', '.join(map(repr, self.labels))} ({kind})"

    @cached_property
    def size(self) -> int:
        """See `Options.size`."""
        return sum(map(self._number, self._lengths))

    def draw(self, uniform: Uniforms) -> Answer:
        """See `Options.draw`."""
        rank = 0
        for _ in range(1 + self.size.bit_length() // _BITS):
            rank = (rank << _BITS) + int(uniform() * (1 << _BITS))
        return self.unrank(rank % self.size)

    def others(self, answer: Answer) -> Iterator[Answer]:
        """See `Options.others`: one exchanged, added, taken away, or two swapped."""
        seen = {answer}
        for candidate in map(self._canonical, self._changes(answer)):
            if candidate is not None and candidate not in seen:
                seen.add(candidate)
                yield candidate

    def unrank(self, rank: int) -> Answer:
        """See `Options.unrank`."""
        for length in self._lengths:
            number = self._number(length)
            if rank < number:
                return self._unrank(rank, length)
            rank -= number
        raise IndexError(rank)

    def columns(self, path: str) -> tuple[Column, ...]:
        """See `Options.columns`: the number chosen, where it varies, and each label chosen."""
        number = (Column(f"{path}.length", self._lengths),) if len(self._lengths) > 1 else ()
        return (*number, *(Column(f"{path}[{i}]", self.labels) for i in range(self.most)))

    def codes(self, answer: Answer) -> tuple[Any, ...]:
        """See `Options.codes`."""
        number = (len(answer) - self.least,) if len(self._lengths) > 1 else ()
        return (*number, *answer, *[None] * (self.most - len(answer)))

    def answer(self, codes: Sequence[Any]) -> Answer:
        """See `Options.answer`."""
        indices = tuple(codes[1:] if len(self._lengths) > 1 else codes)
        length = self.least + codes[0] if len(self._lengths) > 1 else self.most
        chosen = indices[:length]
        return chosen if None not in chosen and self._canonical(chosen) == chosen else None

    def chosen(self, choose: Choose) -> Answer:
        """See `Options.chosen`. Only codes that lead to a combination are offered."""
        varies = len(self._lengths) > 1
        length = self._lengths[choose(0, None) if varies else 0]
        indices: list[int] = []
        for left in range(length - 1, -1, -1):
            offered = [i for i in self._next(indices) if self._completions(i, indices, left)]
            indices.append(choose(varies + len(indices), offered))
        return tuple(indices)

    @property
    def _lengths(self) -> range:
        return range(self.least, self.most + 1)

    def _number(self, length: int) -> int:
        """How many answers have `length` elements."""
        labels = len(self.labels)
        if self.distinct:
            return math.perm(labels, length) if self.ordered else math.comb(labels, length)
        return labels**length if self.ordered else math.comb(labels + length - 1, length)

    def _canonical(self, indices: tuple[int, ...]) -> tuple[int, ...] | None:
        if len(indices) not in self._lengths:
            return None
        if self.distinct and len(set(indices)) < len(indices):
            return None
        return indices if self.ordered else tuple(sorted(indices))

    def _changes(self, answer: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        every = range(len(self.labels))
        for i in range(len(answer)):
            yield answer[:i] + answer[i + 1 :]
            for label in every:
                yield (*answer[:i], label, *answer[i + 1 :])
        for i in range(len(answer) + 1):
            for label in every:
                yield (*answer[:i], label, *answer[i:])
        for i, j in itertools.combinations(range(len(answer)), 2):
            swapped = list(answer)
            swapped[i], swapped[j] = swapped[j], swapped[i]
            yield tuple(swapped)

    def _unrank(self, rank: int, length: int) -> tuple[int, ...]:
        """The combination number `rank` among those of `length`, in lexicographic order."""
        chosen: list[int] = []
        for left in range(length - 1, -1, -1):
            for index in self._next(chosen):
                number = self._completions(index, chosen, left)
                if rank < number:
                    chosen.append(index)
                    break
                rank -= number
        return tuple(chosen)

    def _next(self, chosen: list[int]) -> Iterator[int]:
        """What may follow `chosen`."""
        start = 0 if self.ordered or not chosen else chosen[-1] + self.distinct
        taken = set(chosen) if self.distinct else set()
        return (index for index in range(start, len(self.labels)) if index not in taken)

    def _completions(self, index: int, chosen: list[int], left: int) -> int:
        """In how many ways `chosen` and then `index` can be followed by `left` more."""
        labels = len(self.labels)
        if self.ordered:
            return math.perm(labels - len(chosen) - 1, left) if self.distinct else labels**left
        following = labels - index - self.distinct
        repeated = 0 if self.distinct else left - 1
        return math.comb(following + repeated, left) if left else 1


_BITS = 30
