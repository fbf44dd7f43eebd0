"""Trials that are tried again, without losing what was stored.

A trial that runs again under its number is another trial of the study, which says in an attribute
which one it repeats.
"""

from __future__ import annotations

from collections.abc import Sequence

from raynas.errors import StoreError
from raynas.store.optuna_ledger import StoredTrial

__all__ = ["REPEATS", "rows_of"]

REPEATS = "repeats"


def rows_of(records: Sequence[StoredTrial]) -> list[int]:
    """Latest run of each trial of a history, out of the study's `records`.

    Raises:
        StoreError: A record repeats a trial that is not there.
    """
    rows: list[int] = []
    for row, record in enumerate(records):
        number = record.attrs.get(REPEATS)
        if number is None:
            rows.append(row)
        elif isinstance(number, int) and 0 <= number < len(rows):
            rows[number] = row
        else:
            raise StoreError(
                f"trial {row} of the store repeats trial {number!r}, which is not there: restore "
                "the store from a copy"
            )
    return rows
