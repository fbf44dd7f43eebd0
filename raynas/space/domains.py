"""What every domain of a field promises, and the two simplest: whole and real numbers.

A domain knows its size, how to build a value by asking for one decision after another, which
decisions stand behind a given value, and its JSON form. Sampling, mutation, crossover, neighbors,
encodings and codecs of `raynas.space.Space` rest on `build` and `trace`, so a new kind of domain
gets them for nothing.

Sizes are counted by which shared choices a value uses: a choice that occurs in several places is
decided once. `counts` maps each set of names of shared choices to the number of values that use
just these, every shared choice itself counting one.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from raynas.arguments import shown
from raynas.errors import SpaceError
from raynas.space.operators import Undecided
from raynas.space.options import Answer, Finite, Interval, Options, Uniforms, index_of

__all__ = [
    "NOTHING",
    "Answers",
    "ConstraintViolation",
    "Counts",
    "Decide",
    "Domain",
    "Integer",
    "Names",
    "Real",
    "Steps",
    "collapsed",
    "joint",
    "mismatch",
    "place",
]

Decide: TypeAlias = Callable[[str, Options], Answer]
"""Answers the decision at a path."""
Steps: TypeAlias = Iterator[tuple[str, Options, Answer]]
"""Decisions with the answers taken."""
Answers: TypeAlias = Iterator[tuple[str, Answer]]
Names: TypeAlias = frozenset[str]
Counts: TypeAlias = Mapping[Names, Any]
NOTHING: Names = frozenset()


class ConstraintViolation(Exception):  # noqa: N818 - a verdict on an architecture, caught within this folder
    """An architecture breaks the `is_feasible` of one of its classes."""


class Domain(Undecided, ABC):
    """A set of values, described rather than listed."""

    @property
    @abstractmethod
    def counts(self) -> Counts:
        """Number of values by the shared choices that they use; see the module's docstring."""

    @property
    def parts(self) -> tuple[Domain, ...]:
        """The domains that this one is composed of."""
        return ()

    @abstractmethod
    def build(self, path: str, decide: Decide) -> Any:
        """The value that `decide` leads to.

        `decide` is called for each decision that is active, parents first. Decisions with a single
        answer are not asked.

        Raises:
            ConstraintViolation: The value breaks a constraint.
        """

    @abstractmethod
    def draw(self, uniform: Uniforms) -> Any:
        """A random value, each decision uniform over its options.

        Faster than `build`, since no path is made. Not for domains that hold shared choices.

        Raises:
            ConstraintViolation: The value breaks a constraint.
        """

    @abstractmethod
    def trace(self, path: str, value: object) -> Steps:
        """The decisions behind `value` with the answers taken, in the order of `build`.

        Raises:
            SpaceError: `value` does not lie in this domain.
        """

    @abstractmethod
    def decisions(self, path: str) -> Iterator[tuple[str, Options]]:
        """Every decision that some value has, active or not in the others."""

    @abstractmethod
    def unrank(self, path: str, names: Names, rank: int) -> Answers:
        """The answers behind value number `rank` of the ``counts[names]`` that use `names`."""

    @abstractmethod
    def to_json(self, value: Any) -> Any:
        """`value`, which must lie in the domain, as JSON data."""

    @abstractmethod
    def from_json(self, path: str, data: Any) -> Any:
        """The inverse of `to_json`.

        Raises:
            SpaceError: `data` does not describe a value of this domain.
        """


def collapsed(path: str) -> str:
    """`path` with every position in a repeat as ``[*]``."""
    return re.sub(r"\[\d+\]", "[*]", path)


def mismatch(path: str, value: object, expected: str, classes: tuple[Any, ...] = ()) -> SpaceError:
    """The error for a `value` at `path` that is not `expected`.

    It says so where the value only comes from an older definition of one of the `classes`, as
    where a cell of a notebook ran again.
    """
    at = f"{path or 'architecture'} = {shown(value)} is not in the space"
    named = value if hasattr(value, "__qualname__") else type(value)
    for known in classes:
        if known is not named and _full_name(known) == _full_name(named):
            return SpaceError(
                f"{at}: {known.__name__} was defined again since, and the two definitions are "
                "different classes; run the code that makes the space and the architecture again"
            )
    return SpaceError(f"{at}: use {expected}")


def _full_name(named: Any) -> tuple[str, str]:
    return named.__module__, named.__qualname__


def joint(first: Counts, second: Counts) -> Counts:
    """The counts of pairs of a value of `first` and one of `second`."""
    counts: dict[Names, Any] = {}
    for one, number in first.items():
        for other, times in second.items():
            counts[one | other] = counts.get(one | other, 0) + number * times
    return counts


def place(first: Counts, rest: Counts, names: Names, rank: int) -> tuple[Names, Names, int, int]:
    """Position of pair number `rank` of those that use `names`.

    Returns:
        What the pair's first uses, what its second uses, the rank among pairs that use these, and
        the number of seconds that do.
    """
    for own, number in first.items():
        for others, times in rest.items():
            if own | others != names:
                continue
            if rank < number * times:
                return own, others, rank, times
            rank -= number * times
    raise IndexError(rank)


class Number(Domain):
    """A single number, which is one decision."""

    @property
    @abstractmethod
    def options(self) -> Options:
        """The numbers."""

    @property
    def counts(self) -> Counts:
        """See `Domain.counts`."""
        return {NOTHING: self.options.size}

    def decisions(self, path: str) -> Iterator[tuple[str, Options]]:
        """See `Domain.decisions`."""
        if self.options.size > 1:
            yield path, self.options

    def unrank(self, path: str, names: Names, rank: int) -> Answers:
        """See `Domain.unrank`."""
        del names
        yield path, self.options.unrank(rank)

    @abstractmethod
    def number(self, value: object) -> int | float | None:
        """The number of this domain that `value` is, rounding errors aside; None where it is none.

        All that takes a value from outside goes by this: one tolerance for all.
        """

    def to_json(self, value: Any) -> Any:
        """The number itself."""
        return self.number(value)

    def from_json(self, path: str, data: Any) -> Any:
        """See `Domain.from_json`."""
        number = self.number(data)
        if number is None:
            raise mismatch(path, data, str(self))
        return number


@dataclass(frozen=True)
class Integer(Number):
    """Whole numbers from `low` to `high`, both included. Size: ``(high - low) / step + 1``."""

    low: int
    high: int
    step: int = 1
    log: bool = False

    def __str__(self) -> str:
        step = "" if self.step == 1 else f", step={self.step}"
        return f"integer({self.low}, {self.high}{step}{', log=True' if self.log else ''})"

    @cached_property
    def values(self) -> range:
        """The numbers, in order."""
        return range(self.low, self.high + 1, self.step)

    @cached_property
    def options(self) -> Finite:
        """See `Number.options`."""
        return Finite(self.values, self.log)

    def draw(self, uniform: Uniforms) -> int:
        """See `Domain.draw`."""
        return self.values[self.options.draw(uniform)]

    def build(self, path: str, decide: Decide) -> int:
        """The number decided on."""
        return self.values[decide(path, self.options) if len(self.values) > 1 else 0]

    def trace(self, path: str, value: object) -> Steps:
        """See `Domain.trace`."""
        index = index_of(self.values, value)
        if index is None:
            raise mismatch(path, value, str(self))
        if len(self.values) > 1:
            yield path, self.options, index

    def number(self, value: object) -> int | None:
        """See `Number.number`."""
        index = index_of(self.values, value)
        return None if index is None else self.values[index]


@dataclass(frozen=True)
class Real(Number):
    """Numbers from `low` to `high`, both included.

    Size: ``(high - low) / step + 1``, or infinite without a step.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __str__(self) -> str:
        step = "" if self.step is None else f", step={self.step}"
        return f"real({self.low}, {self.high}{step}{', log=True' if self.log else ''})"

    @cached_property
    def options(self) -> Interval:
        """See `Number.options`."""
        return Interval(self.low, self.high, self.step, self.log)

    def draw(self, uniform: Uniforms) -> float:
        """See `Domain.draw`."""
        number: float = self.options.draw(uniform)
        return number

    def build(self, path: str, decide: Decide) -> float:
        """The number decided on."""
        number: float = decide(path, self.options) if self.options.size > 1 else self.low
        return number

    def trace(self, path: str, value: object) -> Steps:
        """See `Domain.trace`."""
        number = self.number(value)
        if number is None:
            raise mismatch(path, value, str(self))
        if self.options.size > 1:
            yield path, self.options, number

    def number(self, value: object) -> float | None:
        """See `Number.number`."""
        return self.options.nearest(value)
