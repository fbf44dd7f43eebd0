"""A search that begins anew, and leaves the earlier study under another name."""

from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path

from optuna.storages import RDBStorage
from sqlalchemy import column, table, update

from raynas.errors import StoreError
from raynas.store.journal import JournalLedger
from raynas.store.optuna_ledger import Ledger, OptunaLedger, StoredStudy

__all__ = ["set_aside"]

_studies = table("studies", column("study_id"), column("study_name"))


def set_aside(ledger: Ledger, study: StoredStudy, name: str, where: str) -> str:
    """Keep `study` under another name, so that one of its name can be made; returns where it is.

    Args:
        ledger: Ledger that holds the study.
        study: What to set aside.
        name: Name of the search.
        where: Path of the journal, for one.

    Raises:
        StoreError: The storage is one of the user's, in which nothing can be renamed.
    """
    if isinstance(ledger, JournalLedger):
        path = Path(where)
        copies = (path.with_name(f"{path.stem}.{number}{path.suffix}") for number in count(1))
        copy = next(copy for copy in copies if not os.path.lexists(copy))
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
