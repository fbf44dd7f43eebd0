"""Trials that are tried again, and searches that begin anew, without losing what was stored.

A trial that runs again under its number is another trial of the study, which says in an attribute
which one it repeats. A search that begins anew leaves the earlier study under another name.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from optuna.storages import RDBStorage
from sqlalchemy import column, table, update

from raynas.errors import StoreError
from raynas.store.journal import JournalLedger
from raynas.store.optuna_ledger import Ledger, OptunaLedger, StoredStudy, StoredTrial

__all__ = ["REPEATS", "rows_of", "set_aside"]

REPEATS = "repeats"
_studies = table("studies", column("study_id"), column("study_name"))


def rows_of(records: Sequence[StoredTrial]) -> list[int]:
    """For each trial of a history, which of the study's `records` is its latest run.

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


def set_aside(ledger: Ledger, study: StoredStudy, name: str, where: str) -> str:
    """Keep `study` under another name, so that one of its name can be made; returns where it is.

    Args:
        ledger: Ledger that holds the study.
        study: What to set aside.
        name: Its name.
        where: Path of the journal, for one.

    Raises:
        StoreError: The storage is one of the user's, in which nothing can be renamed.
    """
    if isinstance(ledger, JournalLedger):
        path = Path(where)
        copies = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in count(1))
        copy = next(copy for copy in copies if not copy.exists())
        shutil.copy2(path, copy)
        ledger.delete(study)
        return str(copy)
    if isinstance(ledger, OptunaLedger) and isinstance(ledger.storage, RDBStorage):
        names = (f"{name}.{number}" for number in count(1))
        other = next(other for other in names if ledger.find(other) is None)
        change = update(_studies).where(_studies.c.study_id == study.id).values(study_name=other)
        with ledger.storage.engine.begin() as connection:
            connection.execute(change)
        return f"the study {other!r} of the same store"
    raise StoreError(
        f"the study {name!r} cannot be set aside in this storage: give the search another name"
    )
