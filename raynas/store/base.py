"""The durable history of one search.

One Optuna study a search, one Optuna trial a proposal, under the same number. A proposal is one
durable write, made before anybody acts on it; so is a result. Because it is an ordinary Optuna
study, Optuna's own tools read it.

The outcome of a trial is the JSON under its user attribute ``outcome``. Optuna's own state and
value follow from it, and are mended on opening if the process died between the two writes.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast
from uuid import uuid4

from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage

from raynas.bridges.optuna import distribution
from raynas.errors import StoreError
from raynas.redaction import check_no_secret, redacted, shown_url
from raynas.space import Space
from raynas.store.explained import explaining
from raynas.store.holder import Driver, driver_by_lease, driver_of_journal
from raynas.store.journal import JournalLedger
from raynas.store.journal_rebuild import kept_history, write_journal
from raynas.store.journal_state import IDENTITY
from raynas.store.optuna_ledger import (
    PATIENCE_SECONDS,
    Ledger,
    OptunaLedger,
    StoredStudy,
    StoredTrial,
)
from raynas.store.outcome_digest import OUTCOME, outcome_record
from raynas.store.reruns import REPEATS, rows_of
from raynas.store.store_url import is_database
from raynas.store.study_opening import REJUDGED, TRY_AGAIN, Again, StudyOpening
from raynas.store.trial_records import STARTED, optuna_state, proposal_attributes, trial_of
from raynas.trials import History, Outcome, Trial

if TYPE_CHECKING:
    from raynas.store.lease import Lease

__all__ = ["Again", "Store", "StoreLike"]

A = TypeVar("A")
StoreLike: TypeAlias = str | os.PathLike[str] | BaseStorage | None
"""Journal file, database URL, Optuna storage, or None for memory only."""

_NOTES = "raynas:notes"
_FORMAT = "1"
_KEPT_ATTRS = (IDENTITY, REJUDGED, _NOTES)


class Store(Generic[A]):
    """The durable history of one search.

    Args:
        where: Path of a journal file, which is locked while this object lives; a database URL as
            Optuna takes it, where the search is locked too; an Optuna storage; or None to keep
            the history in memory only.
        name: Name of the search: of the Optuna study.
        space: What the architectures are members of.
        identity: What else gives the history its meaning, such as seed and reward, as text. It is
            written when the search is new and compared once it has results.
        objectives: How many numbers a reward has, all to be maximized.
        keep: What of `identity` may have changed: ``"reward"``, ``"task"`` and ``"seed"``. The
            results stay, and belong to the search as it is now.
        again: Try once more what has ended without a reward; see `to_try_again`. A search that has
            changed, whatever in, begins anew, and so does any with ``"all"``: earlier results
            are set aside, under another name.
        read_only: Whether only to look, also while another process holds the store; nothing is
            created, locked, mended or written.

    Raises:
        StoreError: The store cannot be read or written, another process holds it, there is no
            such search (with ``read_only=True``), or it belongs to another space or identity.
    """

    def __init__(
        self,
        where: StoreLike,
        name: str,
        space: Space[A],
        identity: Mapping[str, str],
        *,
        objectives: int = 1,
        keep: Collection[str] = (),
        again: Again = False,
        read_only: bool = False,
    ) -> None:
        check_no_secret(name)
        self._space = space
        self._objectives = objectives
        self.name = name
        self._rows: list[int] | None = None
        self._count = 0
        self._given = str(where) if isinstance(where, str | os.PathLike) else ""
        self._where = shown_url(self._given) or repr(where)
        self._distributions = {column.path: distribution(column) for column in space.columns}
        self.read_only = read_only
        self._lease: Lease | None = None
        self._running: dict[int, tuple[Mapping[str, Any], float]] = {}
        whole = {
            "format": _FORMAT,
            **{key: redacted(key, text) or text for key, text in identity.items()},
            **{f"space: {k}": v for k, v in space.describe().items()},
        }
        opening = StudyOpening(
            name,
            whole,
            objectives,
            keep,
            again,
            read_only,
            self._where,
            self._given,
            self._hold,
            self._held,
        )
        with self._explaining("open"):
            self._ledger = self._open(where)
        try:
            with self._explaining("read"):
                self._study = opening.find(self._ledger)
        except StoreError:
            self.close()
            raise

    @property
    def mended(self) -> bool:
        """Whether the store ended in a half-written line, which was cut off."""
        return self._ledger.mended

    @property
    def rejudged(self) -> int:
        """The number below which outcomes are of an earlier reward, to be computed anew."""
        return int(self._study.attrs.get(REJUDGED, 0))

    @property
    def notes_on_search(self) -> dict[str, Any]:
        """What was stored about the search with `note_on_search`."""
        found = self._study.attrs.get(_NOTES)
        return dict(found) if isinstance(found, dict) else {}

    def note_on_search(self, notes: Mapping[str, Any]) -> None:
        """Store something about the search as it runs now, in place of what was stored before."""
        if notes != self.notes_on_search:
            with self._writing() as ledger:
                ledger.describe(self._study, _NOTES, dict(notes))

    def to_try_again(self, history: History[A]) -> list[int]:
        """Numbers of the trials that ended without a reward, and are to be tried once more.

        Those are asked for with ``again=True``, or ended when the task was another one.
        """
        before = int(self._study.attrs.get(TRY_AGAIN, 0))
        if self.read_only or not before:
            return []
        rows = self._row_of
        return [trial.number for trial in history.unrewarded if rows[trial.number] < before]

    def load(self) -> History[A]:
        """The history as stored. Trials in flight count as started now, unless only looked at."""
        with self._explaining("read"):
            trials = [self._thaw(*numbered) for numbered in enumerate(self._records())]
            return History(tuple(trials))

    def follow(self, known: History[A]) -> History[A]:
        """The history as stored by now, where `known` was loaded or followed from this object.

        Reads what was written since, and makes trials only of those that `known` does not have
        ended: what a reader that looks every second needs. `known` itself where nothing changed.
        """
        with self._explaining("read"):
            before = self._rows or []
            records = self._records()
            rows = self._row_of
            trials = tuple(
                known[index]
                if index < len(known)
                and known[index].outcome is not None
                and before[index : index + 1] == [rows[index]]
                else self._thaw(index, record)
                for index, record in enumerate(records)
            )
        return known if trials == known.trials else History(trials, known.shown_as)

    def ask(self, architecture: A, budget: float = 1.0) -> Trial[A]:
        """Store that `architecture` is going to be tried at a budget; durable on return."""
        params = self._space.to_config(architecture)
        started = time.time()
        with self._writing() as ledger:
            rows, expected = self._row_of, self._count
            row = ledger.add(self._study, params, proposal_attributes(started, budget))
        if row == expected:
            number = len(rows)
            rows.append(row)
            self._count = row + 1
        else:  # Somebody else writes, too.
            self._records()
            number = self._row_of.index(row)
        self._running[number] = params, budget
        return Trial(number, architecture, started=started, budget=budget)

    def reopen(self, trial: Trial) -> float:
        """Store that `trial`, which ended, runs once more; returns since when.

        What was stored of it stays, as a trial of the study that does not count any more.
        """
        params = self._space.to_config(trial.architecture)
        started = time.time()
        with self._writing() as ledger:
            attrs = {**proposal_attributes(started, trial.budget), REPEATS: trial.number}
            row = self._row_of[trial.number] = ledger.add(self._study, params, attrs)
            self._count = row + 1
        self._running[trial.number] = params, trial.budget
        return started

    def restart(self, number: int, started: float | None = None) -> float:
        """Store that trial `number` runs once more, since now or `started`; returns since when."""
        started = time.time() if started is None else started
        self.note(number, STARTED, started)
        return started

    def note(self, number: int, key: str, value: Any) -> None:
        """Store something about trial `number`, which has not ended; durable on return."""
        with self._writing() as ledger:
            ledger.annotate(self._row_of[number], key, value)

    def notes(self, number: int) -> dict[str, Any]:
        """What was noted about trial `number`, by key."""
        with self._explaining("read"):
            return dict(self._records()[number].attrs)

    def points(self) -> list[dict[int, float]]:
        """The reward of each trial at the steps that were stored while it ran."""
        with self._explaining("read"):
            return [record.values for record in self._records()]

    def point(self, number: int, step: int, value: float) -> None:
        """Store a running trial's reward at a step, for those who look on."""
        with self._writing() as ledger:
            ledger.point(self._row_of[number], step, value)

    def tell(
        self, number: int, outcome: Outcome, *, sync: bool = True, started: float = 0.0
    ) -> float:
        """Store how trial `number` ended; returns when, which is never before it `started`.

        With ``sync=False`` the end of this process cannot lose it, and only from the next write
        or `flush` on neither can that of the machine.
        """
        ended = max(time.time(), started)  # The clock may have been set back.
        if number not in self._running:
            self.load()
        row = self._row_of[number]
        params, budget = self._running[number]
        record = outcome_record(row, params, outcome, ended, budget)
        with self._writing() as ledger:
            ledger.end(row, (OUTCOME, record), *optuna_state(outcome), sync)
        del self._running[number]
        return ended

    def flush(self) -> None:
        """Make durable what was reported with ``sync=False``."""
        with self._writing() as ledger:
            ledger.flush()

    def driver(self) -> Driver:
        """The process that runs the search now, or whether none does."""
        ledger = self._ledger
        if isinstance(ledger, JournalLedger):
            return driver_of_journal(ledger.path)
        if not isinstance(ledger, OptunaLedger) or not isinstance(ledger.storage, RDBStorage):
            return Driver("unknown")
        with self._explaining("read"):
            study = ledger.find(self.name)
            return driver_by_lease({} if study is None else study.attrs)

    @property
    def held(self) -> bool:
        """Whether no other process can write to the search."""
        return self._held(self._ledger)

    def count(self) -> int:
        """Number of the stored trials, and so the number of the next one."""
        with self._explaining("read"):
            rows, expected = self._row_of, self._count
            return len(rows) + self._ledger.count(self._study) - expected

    def rescue(self, history: History[A]) -> Path:
        """Write `history` to a new journal beside the store, whose file was lost.

        Where that cannot be, it is in the system's folder for temporary files.

        Raises:
            OSError: It cannot be written there either.
        """
        configs = ((trial, self._space.to_config(trial.architecture)) for trial in history)
        attrs = {key: self._study.attrs[key] for key in _KEPT_ATTRS if key in self._study.attrs}
        kept = kept_history(self.name, self._objectives, attrs, self._distributions, configs)
        lost = self._lost_file()
        name = f"{lost.stem}.rescued-{uuid4().hex[:6]}.log"
        try:
            return write_journal(lost.with_name(name), kept)
        except OSError:
            return write_journal(Path(tempfile.gettempdir(), name), kept)

    def way_back(self, kept: Path) -> str:
        """What to do with a journal that `rescue` wrote, in words."""
        if isinstance(self._ledger, JournalLedger):
            return f"move it to {self._lost_file()} and run the same command again"
        return f"give store={str(kept)!r}"

    def _lost_file(self) -> Path:
        if self._ledger.path is None:
            raise StoreError(f"the store {self._where} is in no file")
        return self._ledger.path

    def close(self) -> None:
        """Let another process open the store."""
        if self._lease is not None:
            self._lease.release()
            self._lease = None
        self._ledger.close()

    def _open(self, where: StoreLike) -> Ledger:
        if where is None or isinstance(where, BaseStorage):
            return OptunaLedger(where or InMemoryStorage(), self._distributions, self._where)
        if is_database(str(where)):
            from raynas.store.database import open_database

            storage = open_database(str(where))
            patience = 0.0 if self.read_only else PATIENCE_SECONDS
            return OptunaLedger(storage, self._distributions, self._where, True, patience)
        return JournalLedger(Path(where), self._distributions, self.read_only)

    def _records(self) -> list[StoredTrial]:
        """The latest run of each trial."""
        records = self._ledger.records(self._study)
        self._rows, self._count = rows_of(records), len(records)
        return [records[row] for row in self._rows]

    @property
    def _row_of(self) -> list[int]:
        """The number in the study of each trial's latest run."""
        if self._rows is None:
            self._records()
        return cast(list[int], self._rows)

    def _hold(self, ledger: Ledger, study: StoredStudy) -> None:
        """Keep other drivers off a study in a database."""
        if self.read_only or not isinstance(ledger, OptunaLedger):
            return
        if isinstance(ledger.storage, RDBStorage):
            from raynas.store.lease import Lease

            if self._lease is not None:
                self._lease.release()
            self._lease = Lease(ledger.storage, study.id, self._where)

    def _held(self, ledger: Ledger) -> bool:
        """Whether no other process can write to the study."""
        return not self.read_only and (isinstance(ledger, JournalLedger) or self._lease is not None)

    def _thaw(self, number: int, record: StoredTrial) -> Trial[A]:
        row = self._row_of[number]
        trial = trial_of(number, row, record, self._space, self._where)
        if trial.outcome is None:
            self._running[number] = record.params, trial.budget
            return trial if self.read_only else replace(trial, started=time.time())
        if not record.finished and not self.read_only:
            self._ledger.finish(row, *optuna_state(trial.outcome), True)
        return trial

    @contextmanager
    def _writing(self) -> Iterator[Ledger]:
        with self._explaining("write"):
            if self._lease is not None:
                self._lease.check()
            yield self._ledger

    def _explaining(self, verb: str) -> AbstractContextManager[None]:
        return explaining(verb, self._where, self._given)
