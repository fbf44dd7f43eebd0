"""Walks through the architectures that a space's decisions lead to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TypeVar

from raynas.space.domains import ConstraintViolation, Decide
from raynas.space.options import Answer, Options

__all__ = ["completions", "once"]

A = TypeVar("A")


def once(decide: Decide) -> Decide:
    """`decide`, asked once a path: what makes the places of a shared choice alike."""
    answers: dict[str, Answer] = {}

    def remember(path: str, options: Options) -> Answer:
        if path not in answers:
            answers[path] = decide(path, options)
        return answers[path]

    return remember


def completions(build: Callable[[Decide], A], fixed: Mapping[str, Answer]) -> Iterator[A]:
    """All feasible architectures whose active decisions are answered as in `fixed`, if there.

    A walk through the tree of the other decisions, each from its first answer to its last; a real
    number without steps takes its middle.

    Args:
        build: Makes the architecture that a `Decide` leads to.
        fixed: Answers by path.
    """
    prefix: list[int] | None = []
    while prefix is not None:
        walk = _Walk(fixed, prefix)
        with suppress(ConstraintViolation):
            yield build(walk.decide)
        prefix = walk.next_prefix()


class _Walk:
    """One branch of the tree: given ranks at first, then the first answer to each decision."""

    def __init__(self, fixed: Mapping[str, Answer], prefix: list[int]) -> None:
        self._fixed = fixed
        self._prefix = prefix
        self._asked: dict[str, tuple[int, int | float]] = {}

    def decide(self, path: str, options: Options) -> Answer:
        """The answer at `path` on this branch."""
        if path in self._fixed:
            return self._fixed[path]
        if options.size == math.inf:
            return options.draw(lambda: 0.5)
        if path not in self._asked:
            place = len(self._asked)
            rank = self._prefix[place] if place < len(self._prefix) else 0
            self._asked[path] = rank, options.size
        return options.unrank(self._asked[path][0])

    def next_prefix(self) -> list[int] | None:
        """The ranks at the head of the next branch; None after the last."""
        ranks = list(self._asked.values())
        while ranks and ranks[-1][0] + 1 == ranks[-1][1]:
            ranks.pop()
        return [rank for rank, _ in ranks[:-1]] + [ranks[-1][0] + 1] if ranks else None
