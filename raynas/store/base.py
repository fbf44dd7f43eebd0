"""The durable history of one search.

One Optuna study a search, one Optuna trial a proposal, under the same number. A proposal is one
durable write, made before anybody acts on it; so is a result. Because it is an ordinary Optuna
study, Optuna's own tools read it.

The outcome of a trial is the JSON under its user attribute ``outcome``. Optuna's own state and
value follow from it, and are mended on opening if the process died between the two writes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, Literal, TypeAlias, TypeVar, cast
from uuid import uuid4

import optuna
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.trial import TrialState

from raynas.bridges.optuna import distribution
from raynas.errors import DamagedStoreError, SpaceError, StoreError
from raynas.redaction import redacted, shown_url
from raynas.space import Space
from raynas.store.checksum_chain import DamageError
from raynas.store.database import is_database, open_database, without_secrets
from raynas.store.holder import Driver, driver_by_lease, driver_of_journal
from raynas.store.journal import JournalLedger
from raynas.store.journal_rebuild import kept_history, write_journal
from raynas.store.journal_state import IDENTITY
from raynas.store.lease import LEASE, Lease
from raynas.store.log import announce
from raynas.store.optuna_ledger import (
    PATIENCE_SECONDS,
    Ledger,
    OptunaLedger,
    StoredStudy,
    StoredTrial,
)
from raynas.store.outcome_digest import BUDGET, OUTCOME, outcome_record, read_outcome
from raynas.store.reruns import REPEATS, rows_of, set_aside
from raynas.store.search_identity import changed_in, differences, way_out
from raynas.trials import (
    Completed,
    Failed,
    History,
    Outcome,
    Stopped,
    Trial,
)

__all__ = ["REJUDGED", "Again", "Store", "StoreLike"]

A = TypeVar("A")
StoreLike: TypeAlias = str | os.PathLike[str] | BaseStorage | None
"""Journal file, database URL, Optuna storage, or None for memory only."""

Again: TypeAlias = bool | Literal["all"]
"""Whether to try once more what has no reward, or to begin anew; see `Store`."""

REJUDGED = "raynas:rejudged"
_NOTES = "raynas:notes"
_TRY_AGAIN = "raynas:try again"
_STARTED = "started"
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
        read_only: Only look, also while another process holds the store; nothing is created,
            locked, mended or written.

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
        self._space = space
        self._objectives = objectives
        self._name = name
        self._keep = keep
        self._again = again
        self._rows: list[int] | None = None
        self._count = 0
        self._given = str(where) if isinstance(where, str | os.PathLike) else ""
        self._where = shown_url(self._given) or repr(where)
        self._distributions = {column.path: distribution(column) for column in space.columns}
        self.read_only = read_only
        self._ledger: Ledger | None = None
        self._lease: Lease | None = None
        self._running: dict[int, tuple[Mapping[str, Any], float]] = {}
        whole = {
            "format": _FORMAT,
            **{key: redacted(key, text) or text for key, text in identity.items()},
            **{f"space: {k}": v for k, v in space.describe().items()},
        }
        try:
            with self._explaining("open"):
                self._ledger = self._open(where)
            with self._explaining("read"):
                self._study = self._find_study(self._ledger, whole)
        except StoreError:
            self.close()
            raise

    @property
    def mended(self) -> bool:
        """Whether the store ended in a half-written line, which was cut off."""
        return self._ledger is not None and self._ledger.mended

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
        before = int(self._study.attrs.get(_TRY_AGAIN, 0))
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
            row = ledger.add(self._study, params, _attributes(started, budget))
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
            attrs = {**_attributes(started, trial.budget), REPEATS: trial.number}
            row = self._row_of[trial.number] = ledger.add(self._study, params, attrs)
            self._count = row + 1
        self._running[trial.number] = params, trial.budget
        return started

    def restart(self, number: int, started: float | None = None) -> float:
        """Store that trial `number` runs once more, since now or `started`; returns since when."""
        started = time.time() if started is None else started
        self.note(number, _STARTED, started)
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
        """For each trial the reward at the steps that were stored while it ran."""
        with self._explaining("read"):
            return [record.values for record in self._records()]

    def point(self, number: int, step: int, value: float) -> None:
        """Store a running trial's reward at a step, for those who look on."""
        with self._writing() as ledger:
            ledger.point(self._row_of[number], step, value)

    def tell(self, number: int, outcome: Outcome, *, sync: bool = True) -> float:
        """Store how trial `number` ended; returns when.

        With ``sync=False`` the end of this process cannot lose it, and only from the next write
        or `flush` on neither can that of the machine.
        """
        ended = time.time()
        if number not in self._running:
            self.load()
        row = self._row_of[number]
        params, budget = self._running[number]
        record = outcome_record(row, params, outcome, ended, budget)
        with self._writing() as ledger:
            ledger.end(row, (OUTCOME, record), *_state(outcome), sync)
        del self._running[number]
        return ended

    def flush(self) -> None:
        """Make durable what was reported with ``sync=False``."""
        with self._writing() as ledger:
            ledger.flush()

    def driver(self) -> Driver:
        """The process that runs the search now, or whether none does."""
        ledger = self._opened()
        if isinstance(ledger, JournalLedger):
            return driver_of_journal(ledger.path)
        if not isinstance(ledger, OptunaLedger) or not isinstance(ledger.storage, RDBStorage):
            return Driver("unknown")
        with self._explaining("read"):
            study = ledger.find(self._name)
            return driver_by_lease({} if study is None else study.attrs, LEASE)

    @property
    def held(self) -> bool:
        """Whether no other process can write to the search."""
        return self._ledger is not None and self._held(self._ledger)

    def count(self) -> int:
        """Number of the stored trials, and so the number of the next one."""
        with self._explaining("read"):
            rows, expected = self._row_of, self._count
            return len(rows) + self._opened().count(self._study) - expected

    def rescue(self, history: History[A]) -> Path:
        """Write `history` to a new journal beside the store, whose file was lost.

        Raises:
            OSError: It cannot be written.
        """
        lost = self._lost_file()
        path = lost.with_name(f"{lost.stem}.rescued-{uuid4().hex[:6]}.log")
        path.parent.mkdir(parents=True, exist_ok=True)
        configs = ((trial, self._space.to_config(trial.architecture)) for trial in history)
        attrs = {key: self._study.attrs[key] for key in _KEPT_ATTRS if key in self._study.attrs}
        kept = kept_history(self._name, self._objectives, attrs, self._distributions, configs)
        write_journal(path, kept)
        return path

    def way_back(self, kept: Path) -> str:
        """What to do with a journal that `rescue` wrote, in words."""
        if isinstance(self._ledger, JournalLedger):
            return f"move it to {self._lost_file()} and run the same command again"
        return f"give store={str(kept)!r}"

    def _lost_file(self) -> Path:
        path = None if self._ledger is None else self._ledger.path
        if path is None:
            raise StoreError(f"the store {self._where} is in no file")
        return path

    def close(self) -> None:
        """Let another process open the store."""
        if self._lease is not None:
            self._lease.release()
            self._lease = None
        if self._ledger is not None:
            self._ledger.close()

    def _open(self, where: StoreLike) -> Ledger:
        if where is None or isinstance(where, BaseStorage):
            return OptunaLedger(where or InMemoryStorage(), self._distributions, self._where)
        if is_database(str(where)):
            storage = open_database(str(where))
            patience = 0.0 if self.read_only else PATIENCE_SECONDS
            return OptunaLedger(storage, self._distributions, self._where, True, patience)
        return JournalLedger(Path(where), self._distributions, self.read_only)

    def _opened(self) -> Ledger:
        if self._ledger is None:
            raise StoreError(f"the store {self._where} is not open")
        return self._ledger

    def _records(self) -> list[StoredTrial]:
        """The latest run of each trial."""
        records = self._opened().records(self._study)
        self._rows, self._count = rows_of(records), len(records)
        return [records[row] for row in self._rows]

    @property
    def _row_of(self) -> list[int]:
        """For each trial the number of its latest run in the study."""
        if self._rows is None:
            self._records()
        return cast(list[int], self._rows)

    def _find_study(self, ledger: Ledger, whole: Mapping[str, str]) -> StoredStudy:
        study = ledger.find(self._name)
        if study is None:
            return self._new_study(ledger, whole)
        stored = study.attrs.get(IDENTITY)
        foreign = study.objectives != self._objectives or bool(ledger.records(study))
        if stored is None and foreign:
            raise StoreError(
                f"the study {self._name!r} in {self._where} was not made by raynas: "
                "give the search another name or store"
            )
        self._hold(ledger, study)
        if stored is None and not self.read_only:
            ledger.describe(study, IDENTITY, whole)
            return study
        if stored == whole and not self._again:
            return study
        changed = changed_in(stored or {}, whole)
        if stored is None:
            return self._new_study(ledger, whole)
        if self._again != "all" and self._may_go_on(study, changed):
            return self._adapted(ledger, study, whole, changed)
        return self._in_place_of(ledger, study, whole, changed)

    def _in_place_of(
        self, ledger: Ledger, study: StoredStudy, whole: Mapping[str, str], changed: Collection[str]
    ) -> StoredStudy:
        """A new study where the user wants one or nothing would be lost."""
        if self._held(ledger) and not any(OUTCOME in r.attrs for r in ledger.records(study)):
            ledger.delete(study)
            return self._new_study(ledger, whole)
        if self._again and not self.read_only:
            where = set_aside(ledger, study, self._name, self._given)
            announce("the earlier results of %s were set aside as %s", self._name, where)
            return self._new_study(ledger, whole)
        raise StoreError(
            f"the search {self._name!r} in {self._where} is another one: "
            f"{differences(study.attrs[IDENTITY], whole)}. {way_out(changed)}start a new search "
            "with another name (--name), or in its place with --again, which sets the earlier "
            "results aside"
        )

    def _may_go_on(self, study: StoredStudy, changed: Collection[str]) -> bool:
        """Whether all that changed may have changed."""
        return set(changed) <= set(self._keep) and study.objectives == self._objectives

    def _adapted(
        self, ledger: Ledger, study: StoredStudy, whole: Mapping[str, str], changed: Collection[str]
    ) -> StoredStudy:
        """The study, from now on that of the search as it is."""
        if not self.read_only:
            if "reward" in changed:
                ledger.describe(study, REJUDGED, len(ledger.records(study)))
            if "task" in changed or self._again:
                ledger.describe(study, _TRY_AGAIN, len(ledger.records(study)))
            if changed:
                ledger.describe(study, IDENTITY, dict(whole))
        return study

    def _new_study(self, ledger: Ledger, identity: Mapping[str, str]) -> StoredStudy:
        if self.read_only:
            raise StoreError(
                f"{self._where} holds no search named {self._name!r}: "
                "run `raynas search` first, or give the name it ran under"
            )
        try:
            study = ledger.create(self._name, self._objectives, {IDENTITY: dict(identity)})
        except optuna.exceptions.DuplicatedStudyError:
            return self._find_study(ledger, identity)  # Another process was faster.
        self._hold(ledger, study)
        if IDENTITY not in study.attrs:
            ledger.describe(study, IDENTITY, dict(identity))
        return study

    def _hold(self, ledger: Ledger, study: StoredStudy) -> None:
        """Keep other drivers off a study in a database."""
        if self.read_only or not isinstance(ledger, OptunaLedger):
            return
        if isinstance(ledger.storage, RDBStorage):
            if self._lease is not None:
                self._lease.release()
            self._lease = Lease(ledger.storage, study.id, self._where)

    def _held(self, ledger: Ledger) -> bool:
        """Whether no other process can write to the study."""
        return not self.read_only and (isinstance(ledger, JournalLedger) or self._lease is not None)

    def _thaw(self, number: int, record: StoredTrial) -> Trial:
        architecture = self._space.from_config(record.params)
        data = record.attrs.get(OUTCOME)
        budget = float(record.attrs.get(BUDGET, 1.0))
        if data is None and record.finished:
            lost = Failed("its outcome is missing from the store")
            return Trial(number, architecture, lost, ended=0.0, budget=budget)
        if data is None:
            self._running[number] = record.params, budget
            started = record.attrs[_STARTED] if self.read_only else time.time()
            return Trial(number, architecture, started=started, budget=budget)
        row = self._row_of[number]
        try:
            outcome, ended = read_outcome(data, row, record.params, budget)
        except DamageError as damage:
            raise DamagedStoreError(
                f"trial {number} in {self._where} {damage.why}: restore the store from a backup, "
                "or start a new search with another name (--name)",
                trial=number,
            ) from None
        if not record.finished and not self.read_only and self._ledger is not None:
            self._ledger.finish(row, *_state(outcome), True)
        started = record.attrs[_STARTED]
        return Trial(number, architecture, outcome, started, ended, budget=budget)

    @contextmanager
    def _writing(self) -> Iterator[Ledger]:
        with self._explaining("write"):
            if self._lease is not None:
                self._lease.check()
            yield self._opened()

    @contextmanager
    def _explaining(self, verb: str) -> Iterator[None]:
        try:
            yield
        except SpaceError as error:
            raise StoreError(f"the store {self._where} does not fit the space: {error}") from error
        except StoreError:
            raise
        except Exception as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
            raise StoreError(
                f"cannot {verb} the store {self._where}: {without_secrets(first, self._given)}. "
                "Put that right and run the same command again; nothing stored is lost"
            ) from error


def _attributes(started: float, budget: float) -> dict[str, float]:
    """What is stored with a proposal, besides its decisions."""
    return {_STARTED: started} if budget == 1.0 else {_STARTED: started, BUDGET: budget}


def _state(outcome: Outcome) -> tuple[TrialState, Sequence[float] | None]:
    """Optuna's state and values of a trial that ended by `outcome`."""
    match outcome:
        case Completed(objectives=values):
            return TrialState.COMPLETE, list(values)
        case Stopped():
            return TrialState.PRUNED, None
        case _:
            return TrialState.FAIL, None
