"""Who drives a search in a database: one row, which its holder renews and nobody takes from it.

The row is one of the study's user attributes. It changes hands by a single conditional statement,
so that of two drivers that reach for it at once the database lets one through.
"""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from optuna.storages import RDBStorage
from sqlalchemy import column, delete, insert, select, table, update
from sqlalchemy.exc import IntegrityError

from raynas.errors import StoreError
from raynas.store.holder import HELD_SECONDS, LEASE, Holder, released
from raynas.store.log import announce

__all__ = ["LEASE", "Holder", "Lease"]

_rows = table("study_user_attributes", column("study_id"), column("key"), column("value_json"))


class Lease:
    """Holds a study of a database for this process, renewed in the background until released.

    The lease of a process that died on this machine is taken over at once; that of one that is
    not heard of, from elsewhere, after `seconds` and a look whether it is really silent.

    Args:
        storage: The database.
        study: Id of the study.
        where: How the database is called in messages.
        seconds: Silence after which another process may take over the search.

    Raises:
        StoreError: Another process holds the study.
    """

    def __init__(
        self, storage: RDBStorage, study: int, where: str, seconds: float = HELD_SECONDS
    ) -> None:
        self._engine = storage.engine
        self._row = (_rows.c.study_id == study) & (_rows.c.key == LEASE)
        self._study = study
        self._where = where
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._lost: Holder | None = None
        self._mine = Holder(seconds=seconds)
        self._take()
        self._thread = threading.Thread(target=self._keep, name="raynas-lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Make sure, before a write, that the study is still ours.

        Raises:
            StoreError: Another process took it over, after this one was not heard of for long.
        """
        if abs(time.time() - self._mine.renewed) > self._mine.seconds * 2 / 3:
            self._renew()
        if self._lost is not None:
            raise StoreError(
                f"{self._where} was taken over by {self._lost} while this process could not be "
                "heard of; what was stored until then is kept, and the search goes on there"
            )

    def release(self) -> None:
        """Let another process take the study at once."""
        self._over.set()
        self._thread.join(timeout=self._mine.seconds)
        released(self._mine)
        with suppress(Exception), self._engine.begin() as connection:
            connection.execute(delete(_rows).where(self._row & self._is(self._mine)))

    def _take(self) -> None:
        watched: Holder | None = None
        until = 0.0
        while True:
            held = self._read()
            if held is None or held.is_gone() or (held == watched and time.monotonic() > until):
                if self._swap(held, replace(self._mine, renewed=time.time())):
                    return
                continue
            alive = watched is not None and held.token == watched.token and held != watched
            if alive or abs(time.time() - held.renewed) < held.seconds:
                who = "this very process" if held.pid == os.getpid() else str(held)
                raise StoreError(
                    f"{self._where} is in use by {who}, heard of "
                    f"{max(0.0, time.time() - held.renewed):.0f} s ago: wait for it, end it, or "
                    "give this search another name; if that machine is gone, try again in "
                    f"{held.seconds:.0f} s"
                )
            if held != watched:
                announce("%s was left by %s: looking whether it is gone", self._where, held)
                watched, until = held, time.monotonic() + held.seconds / 3 + 1
            time.sleep(0.5)

    def _keep(self) -> None:
        while not self._over.wait(self._mine.seconds / 3) and self._lost is None:
            with suppress(Exception):  # Away for a moment: `check` and the next turn try again.
                self._renew()

    def _renew(self) -> None:
        with self._lock:
            if self._swap(self._mine, replace(self._mine, renewed=time.time())):
                return
            held = self._read()
            if held is not None and held.token == self._mine.token:
                self._mine = held  # A renewal whose confirmation was lost.
            else:
                self._lost = held or Holder(host="an unknown machine", pid=0)

    def _read(self) -> Holder | None:
        with self._engine.connect() as connection:
            text = connection.execute(select(_rows.c.value_json).where(self._row)).scalar()
        return None if text is None else Holder(**json.loads(text))

    def _swap(self, old: Holder | None, new: Holder) -> bool:
        """Put `new` where `old` is, in one step; whether `old` was there."""
        text = _text(new)
        with self._engine.begin() as connection:
            if old is None:
                values: dict[str, Any] = {"study_id": self._study, "key": LEASE}
                try:
                    connection.execute(insert(_rows).values(value_json=text, **values))
                except IntegrityError:
                    return False
            else:
                change = update(_rows).where(self._row & self._is(old)).values(value_json=text)
                if connection.execute(change).rowcount != 1:
                    return False
        self._mine = new
        return True

    def _is(self, holder: Holder) -> Any:
        return _rows.c.value_json == _text(holder)


def _text(holder: Holder) -> str:
    return json.dumps(asdict(holder))
