"""The decisions of a search space: from answers to an architecture, and from one to answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import accumulate
from typing import Any, Generic, TypeAlias, TypeVar

from raynas.errors import SpaceError
from raynas.space.domains import NOTHING, ConstraintViolation, Decide
from raynas.space.options import Answer, Column, Finite, Options
from raynas.space.recent import Recent
from raynas.space.records import Record
from raynas.space.repeats import shared_choices
from raynas.space.traversal import once

__all__ = ["Decision", "Decisions"]

A = TypeVar("A")

Decision: TypeAlias = tuple[str, Options, Answer]
"""A decision that was taken: its path, its options and the answer."""

_ATTEMPTS = 1000
"""Draws in a row that may be infeasible: after so many, fewer than 0.3 % are feasible (95 %)."""
_TRACED_DECISIONS, _FEWEST_TRACES = 60_000, 256
"""So many decisions of recent architectures are kept, or those of 256."""
_FEW_ANSWERS = 64  # chosen by hand: steps of decisions with so few options are shared by traces


class Decisions(Generic[A]):
    """The decisions of a domain, each once, also where a shared choice stands in several places.

    Args:
        domain: What is decided on.
        name: Name of the space in messages.

    Raises:
        SpaceError: One name of a shared choice has two meanings.
    """

    def __init__(self, domain: Record, name: str) -> None:
        self.domain = domain
        self.shared = shared_choices(domain)
        self.name = name

    @cached_property
    def size(self) -> int | float:
        """See `raynas.space.Space.size`."""
        total: int | float = sum(
            number * math.prod(self.shared[name].size for name in names)
            for names, number in self.domain.counts.items()
        )
        return total

    @cached_property
    def options(self) -> dict[str, Options]:
        """Every decision of the space by its path, conditional ones too."""
        return dict(self.domain.decisions(""))

    @cached_property
    def columns_of(self) -> dict[str, tuple[Column, ...]]:
        """The columns of each decision by its path."""
        return {path: options.columns(path) for path, options in self.options.items()}

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns of all decisions in a row."""
        return tuple(c for columns in self.columns_of.values() for c in columns)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Positions in `columns` at which those of each decision begin."""
        lengths = [len(columns) for columns in self.columns_of.values()]
        return dict(zip(self.columns_of, accumulate(lengths, initial=0), strict=False))

    def build(self, decide: Decide) -> A:
        """The architecture that `decide` leads to.

        Raises:
            ConstraintViolation: It is infeasible.
        """
        architecture: A = self.domain.build("", once(decide) if self.shared else decide)
        return architecture

    def answered(self, answers: Mapping[str, Answer]) -> A:
        """The architecture that `answers`, by path, lead to."""
        return self.build(lambda path, _: answers[path])

    def first_feasible(self, make: Callable[[], A]) -> A:
        """What `make` returns at the first time that it raises no `ConstraintViolation`.

        Raises:
            SpaceError: It always does.
        """
        for _ in range(_ATTEMPTS):
            try:
                return make()
            except ConstraintViolation as error:
                last = error
        raise SpaceError(
            f"none of {_ATTEMPTS} draws from {self.name} was feasible, the last because {last}: "
            "declare the space so that more are"
        )

    def trace(self, architecture: object) -> Iterator[Decision]:
        """The decisions that `architecture` takes.

        Raises:
            SpaceError: `architecture` lies outside the space.
        """
        steps = self.domain.trace("", architecture)
        return self._each_once(steps) if self.shared else steps

    def _each_once(self, steps: Iterator[Decision]) -> Iterator[Decision]:
        seen: dict[str, Answer] = {}
        for path, options, answer in steps:
            if path not in seen:
                seen[path] = answer
                yield path, options, answer
            elif seen[path] != answer:
                raise SpaceError(f"{path} differs from place to place: give it one value in all")

    @cached_property
    def recent(self) -> Recent[list[Decision]]:
        """`trace` as a list, remembered: controllers ask for the same one several times."""
        most = max(_FEWEST_TRACES, _TRACED_DECISIONS // max(len(self.columns), 1))
        return Recent(self._traced, most)

    def _traced(self, architecture: object) -> list[Decision]:
        return self.alike(self.trace(architecture))

    def alike(self, steps: Iterable[Decision]) -> list[Decision]:
        """`steps` with one shared object for each decision of few options, wherever it is taken."""
        known = self._known
        return [
            known.setdefault((step[0], step[2]), step)
            if isinstance(step[1], Finite) and step[1].size <= _FEW_ANSWERS
            else step
            for step in steps
        ]

    @cached_property
    def _known(self) -> dict[tuple[str, Answer], Decision]:
        return {}

    def answers(self, architecture: object) -> dict[str, Answer]:
        """The answers that `architecture` takes, by path; errors as in `trace`."""
        return {path: answer for path, _, answer in self.trace(architecture)}

    def codes(self, architecture: object) -> Iterator[tuple[Column, Any]]:
        """The active columns of `architecture` with their codes; errors as in `trace`."""
        for path, options, answer in self.recent(architecture):
            for column, code in zip(self.columns_of[path], options.codes(answer), strict=True):
                if code is not None:
                    yield column, code

    def unrank(self, rank: int) -> A:
        """Architecture number `rank` of the space, from 0 to ``size - 1``.

        Raises:
            ConstraintViolation: It is infeasible.
        """
        for names, number in self.domain.counts.items():
            shared = [self.shared[name] for name in sorted(names)]
            block = number * math.prod(choice.size for choice in shared)
            if rank >= block:
                rank -= block
                continue
            rank, own = divmod(rank, number)
            answers = dict(self.domain.unrank("", names, own))
            for choice in shared:
                rank, own = divmod(rank, choice.size)
                answers |= choice.element.unrank(choice.path, NOTHING, own)
            return self.answered(answers)
        raise IndexError(rank)
