"""Domains of several equal parts, and of one part in several places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from raynas.errors import SpaceError
from raynas.space.domains import (
    NOTHING,
    Answers,
    Counts,
    Decide,
    Domain,
    Names,
    Steps,
    joint,
    mismatch,
    place,
)
from raynas.space.options import Finite, Options, Uniforms
from raynas.wording import counted

__all__ = ["Repeat", "Shared", "shared_choices"]


@dataclass(frozen=True)
class Repeat(Domain):
    """A tuple of `minimum` to `maximum` elements, each its own or all the same.

    Size: ``sum(size(element) ** n for n in range(minimum, maximum + 1))``; tied, each power with
    n above 0 is ``size(element)`` instead.
    """

    element: Domain
    minimum: int
    maximum: int
    tied: bool = False

    def __str__(self) -> str:
        tied = ", tied=True" if self.tied else ""
        return f"repeat({self.element}, {self.minimum}, {self.maximum}{tied})"

    @cached_property
    def lengths(self) -> range:
        """The possible numbers of elements."""
        return range(self.minimum, self.maximum + 1)

    @cached_property
    def options(self) -> Finite:
        """The lengths, as the answers to a decision."""
        return Finite(self.lengths)

    @cached_property
    def counts(self) -> Counts:
        """See `Domain.counts`."""
        counts: dict[Names, Any] = {}
        for length in self.lengths:
            for names, number in self._powers[self._independent(length)].items():
                counts[names] = counts.get(names, 0) + number
        return counts

    @property
    def parts(self) -> tuple[Domain, ...]:
        """The element's domain."""
        return (self.element,)

    def draw(self, uniform: Uniforms) -> tuple[Any, ...]:
        """See `Domain.draw`."""
        length = self.lengths[int(uniform() * len(self.lengths))]
        if self.tied:
            return (self.element.draw(uniform),) * length if length else ()
        draw = self.element.draw
        return tuple([draw(uniform) for _ in range(length)])

    def build(self, path: str, decide: Decide) -> tuple[Any, ...]:
        """The tuple whose length and elements are decided on, the length first."""
        varies = self.minimum < self.maximum
        length = self.lengths[decide(f"{path}.length", self.options) if varies else 0]
        if self.tied:
            return (self.element.build(f"{path}[*]", decide),) * length if length else ()
        return tuple([self.element.build(f"{path}[{i}]", decide) for i in range(length)])

    def trace(self, path: str, value: object) -> Steps:
        """See `Domain.trace`."""
        if not isinstance(value, tuple) or len(value) not in self.lengths:
            raise mismatch(path, value, f"a tuple of {self._amount}")
        if self.minimum < self.maximum:
            yield f"{path}.length", self.options, self.lengths.index(len(value))
        if self.tied and any(element != value[0] for element in value):
            raise mismatch(path, value, "equal elements")
        for i, element in enumerate(value[: self._independent(len(value))]):
            yield from self.element.trace(self._place(path, i), element)

    def decisions(self, path: str) -> Iterator[tuple[str, Options]]:
        """See `Domain.decisions`."""
        if self.minimum < self.maximum:
            yield f"{path}.length", self.options
        for i in range(self._independent(self.maximum)):
            yield from self.element.decisions(self._place(path, i))

    def unrank(self, path: str, names: Names, rank: int) -> Answers:
        """See `Domain.unrank`: shorter ones first, then the first element's rank counts most."""
        for length in self.lengths:
            number = self._powers[self._independent(length)].get(names, 0)
            if rank < number:
                yield f"{path}.length", length - self.minimum
                yield from self._elements(path, self._independent(length), names, rank)
                return
            rank -= number

    def to_json(self, value: Any) -> Any:
        """A list of the elements' forms."""
        return [self.element.to_json(element) for element in value]

    def from_json(self, path: str, data: Any) -> Any:
        """See `Domain.from_json`."""
        if not isinstance(data, list) or len(data) not in self.lengths:
            raise mismatch(path, data, f"a list of {self._amount}")
        value = tuple(self.element.from_json(f"{path}[{i}]", item) for i, item in enumerate(data))
        if self.tied and any(element != value[0] for element in value):
            raise mismatch(path, data, "equal elements")
        return value

    @property
    def _amount(self) -> str:
        if self.minimum == self.maximum:
            return counted(self.minimum, "element")
        return f"{self.minimum} to {self.maximum} elements"

    def _place(self, path: str, i: int) -> str:
        return f"{path}[*]" if self.tied else f"{path}[{i}]"

    def _independent(self, length: int) -> int:
        """How many elements of `length` are decided on."""
        return min(length, 1) if self.tied else length

    @cached_property
    def _powers(self) -> list[Counts]:
        """The counts of tuples of 0, 1, 2 … independent elements."""
        powers: list[Counts] = [{NOTHING: 1}]
        for _ in range(self._independent(self.maximum)):
            powers.append(joint(self.element.counts, powers[-1]))
        return powers

    def _elements(self, path: str, left: int, names: Names, rank: int) -> Answers:
        for i in range(left):
            rest = self._powers[left - 1 - i]
            own, names, rank, number = place(self.element.counts, rest, names, rank)
            yield from self.element.unrank(self._place(path, i), own, rank // number)
            rank %= number


@dataclass(frozen=True)
class Shared(Domain):
    """One choice that stands in several places, under a name, and is decided once.

    Size: the element's, once for all places of an architecture together.
    """

    name: str
    element: Domain

    def __str__(self) -> str:
        return f"shared({self.name!r}, {self.element})"

    @property
    def counts(self) -> Counts:
        """See `Domain.counts`."""
        return {frozenset({self.name}): 1}

    @property
    def size(self) -> Any:
        """Number of values that the choice has."""
        return sum(self.element.counts.values())

    @property
    def parts(self) -> tuple[Domain, ...]:
        """The element's domain."""
        return (self.element,)

    @property
    def path(self) -> str:
        """The path of its decisions, wherever it stands."""
        return f"@{self.name}"

    def draw(self, uniform: Uniforms) -> Any:
        """Refused: each place would draw its own."""
        raise NotImplementedError(self.path)

    def build(self, path: str, decide: Decide) -> Any:
        """The value decided on, the same wherever `decide` answers a path always alike."""
        del path
        return self.element.build(self.path, decide)

    def trace(self, path: str, value: object) -> Steps:
        """See `Domain.trace`."""
        try:
            yield from self.element.trace(self.path, value)
        except SpaceError:
            raise mismatch(path, value, str(self.element)) from None

    def decisions(self, path: str) -> Iterator[tuple[str, Options]]:
        """See `Domain.decisions`."""
        del path
        return self.element.decisions(self.path)

    def unrank(self, path: str, names: Names, rank: int) -> Answers:
        """See `Domain.unrank`: nothing, since the space answers shared choices itself."""
        del path, names, rank
        return iter(())

    def to_json(self, value: Any) -> Any:
        """The element's form."""
        return self.element.to_json(value)

    def from_json(self, path: str, data: Any) -> Any:
        """See `Domain.from_json`."""
        return self.element.from_json(path, data)


def shared_choices(domain: Domain) -> dict[str, Shared]:
    """The shared choices that `domain` is composed of, by their names.

    Raises:
        SpaceError: Two of them have the same name and another meaning.
    """
    found: dict[str, Shared] = {}
    if isinstance(domain, Shared):
        found[domain.name] = domain
    for part in domain.parts:
        for name, choice in shared_choices(part).items():
            if found.setdefault(name, choice) != choice:
                raise SpaceError(
                    f"shared({name!r}) is {found[name].element} in one place and {choice.element} "
                    "in another: declare it alike, or give it another name"
                )
    return found
