"""A sequence that does not change, and of which a changed copy costs little."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import Any, TypeVar

__all__ = ["PersistentSequence"]

T = TypeVar("T")

_CHUNK = 128  # about the square root of 5,000 to 20,000 trials: least copied per change


class PersistentSequence(Sequence[T]):
    """An immutable sequence that shares all but a few hundred items with its changed copies.

    Equal to every sequence of the same items in the same order; its slices are tuples.
    """

    __slots__ = ("_chunks", "_ends")

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._hold(_cut(tuple(items)))

    def _hold(self, chunks: tuple[tuple[T, ...], ...]) -> None:
        self._chunks = chunks
        self._ends = tuple(accumulate(map(len, chunks)))

    @classmethod
    def of(cls, items: Iterable[T]) -> PersistentSequence[T]:
        """`items`, made a persistent sequence unless they are one."""
        return items if isinstance(items, PersistentSequence) else cls(items)

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._chunks)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self)[index]
        place = range(len(self))[index]
        chunk = bisect_right(self._ends, place)
        return self._chunks[chunk][place - self._ends[chunk]]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"PersistentSequence({tuple(self)!r})"

    def spliced(self, start: int, stop: int, items: tuple[T, ...]) -> PersistentSequence[T]:
        """A copy with `items` in place of ``self[start:stop]``; 0 <= start <= stop <= length."""
        chunks, ends = self._chunks, self._ends
        if not chunks:
            return PersistentSequence(items)
        first = min(bisect_right(ends, start), len(chunks) - 1)
        last = max(first, bisect_left(ends, stop))
        before = chunks[first][: start - ends[first] + len(chunks[first])]
        after = chunks[last][stop - ends[last] + len(chunks[last]) :]
        changed: PersistentSequence[T] = PersistentSequence()
        changed._hold((*chunks[:first], *_cut(before + items + after), *chunks[last + 1 :]))
        return changed


def _cut(items: tuple[T, ...]) -> tuple[tuple[T, ...], ...]:
    """`items` in chunks, one as long as they are at most two chunks' worth."""
    if len(items) <= 2 * _CHUNK:
        return (items,) if items else ()
    return tuple(items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
