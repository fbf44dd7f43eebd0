"""The persistent sequence behaves as a tuple of the same items, whatever was spliced into it."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raynas import persistent_sequence as persistent
from raynas.persistent_sequence import PersistentSequence

edits = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 40), st.integers(0, 300)))


@given(st.integers(0, 500), edits)
def test_splices_are_those_of_tuples(length: int, edits: list[tuple[int, int, int]]) -> None:
    """Also across several chunks, at both ends, and down to nothing; earlier ones stay."""
    plain = tuple(range(length))
    row = PersistentSequence(plain)
    for number, (start, removed, added) in enumerate(edits):
        start = min(start, len(plain))
        stop = min(start + removed, len(plain))
        items = tuple(range(-added * number, 0))
        before, kept = row, plain
        row = row.spliced(start, stop, items)
        plain = plain[:start] + items + plain[stop:]
        assert tuple(before) == kept
        assert tuple(row) == plain
        assert [row[i] for i in range(len(plain))] == list(plain)
        assert row[-3:] == plain[-3:]
        assert (len(row), row) == (len(plain), plain)
        assert all(0 < len(chunk) <= 2 * persistent._CHUNK for chunk in row._chunks)


def test_a_changed_copy_shares_nearly_all() -> None:
    row = PersistentSequence(object() for _ in range(10_000))
    shared = set(map(id, row._chunks)) & set(map(id, row.spliced(5_000, 5_001, (1,))._chunks))
    assert len(shared) == len(row._chunks) - 1


def test_indices_outside_are_refused() -> None:
    row = PersistentSequence("abc")
    assert (row[-1], row[0]) == ("c", "a")
    for index in (3, -4):
        with pytest.raises(IndexError):
            row[index]


def test_equality_hash_and_pickle_go_by_the_items() -> None:
    row = PersistentSequence(range(300))
    other = PersistentSequence(range(299)).spliced(299, 299, (299,))
    assert row == other == tuple(range(300)) == row
    assert row != other.spliced(0, 1, ())
    assert row != 5
    assert hash(row) == hash(other)
    assert pickle.loads(pickle.dumps(row)) == row
    assert PersistentSequence.of(row) is row
    assert repr(PersistentSequence("ab")) == "PersistentSequence(('a', 'b'))"
