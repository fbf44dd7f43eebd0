"""Several of some labels as the answer to one decision."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from raynas.space.options import Answer, Choose, Column, Options, Scalar, Uniforms

__all__ = ["Combinations"]

_BITS = 30  # fewer than the 53 bits of a double


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
        """Number of ways in which `chosen` and then `index` can be followed by `left` more."""
        labels = len(self.labels)
        if self.ordered:
            return math.perm(labels - len(chosen) - 1, left) if self.distinct else labels**left
        following = labels - index - self.distinct
        repeated = 0 if self.distinct else left - 1
        return math.comb(following + repeated, left) if left else 1
