"""The only state of a search: its history, kept in an Optuna storage.

One Optuna study a search, one Optuna trial a proposal, under the same number. A proposal is one
durable write, made before anybody acts on it; so is a result. Because it is an ordinary Optuna
study, Optuna's own tools read it.

The outcome of a trial is the JSON under its user attribute ``outcome``. Optuna's own state and
value follow from it, and are mended on opening if the process died between the two writes.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import optuna
from filelock import FileLock, Timeout
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from raynas.bridges.optuna import distribution
from raynas.errors import SpaceError, StoreError
from raynas.space import Space
from raynas.trials import (
    Completed,
    Failed,
    History,
    Outcome,
    Stopped,
    Trial,
    outcome_from_json,
    outcome_to_json,
)

__all__ = ["Store", "StoreLike"]

A = TypeVar("A")
StoreLike: TypeAlias = str | os.PathLike[str] | BaseStorage | None
"""Journal file, database URL, Optuna storage, or None for memory only."""

_IDENTITY = "raynas"
_OUTCOME = "outcome"
_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql"}
_FORMAT = "1"
_STARTED = "started"
_OPTUNA_LOCK = ".lock"
_JOURNAL_START = b'{"op_code":'


class Store(Generic[A]):
    """The durable history of one search.

    Args:
        where: Path of a journal file, which is locked while this object lives; a database URL as
            Optuna takes it; an Optuna storage; or None to keep the history in memory only.
        name: Name of the search: of the Optuna study.
        space: What the architectures are members of.
        identity: What else gives the history its meaning, such as seed and reward, as text. It is
            written when the search is new and compared once it has results.
        objectives: How many numbers a reward has, all to be maximised.
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
        read_only: bool = False,
    ) -> None:
        self._space = space
        self._directions = [StudyDirection.MAXIMIZE] * objectives
        self._name = name
        shown = str(where) if isinstance(where, str | os.PathLike) else repr(where)
        self._where = re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", shown)
        self._lock: FileLock | None = None
        self._journal: Path | None = None
        self._read_only = read_only
        self.mended = False
        try:
            with self._explaining("open"):
                self._storage = self._open(where)
            with self._explaining("read"):
                self._study = self._find_study(identity)
        except StoreError:
            self.close()
            raise
        self._distributions = {column.path: distribution(column) for column in space.columns}
        self._ids: dict[int, int] = {}

    def load(self) -> History:
        """The history as stored. Trials in flight count as started now, unless only looked at."""
        with self._explaining("read"):
            frozen = self._storage.get_all_trials(self._study, deepcopy=False)
            self._ids = {trial.number: trial._trial_id for trial in frozen}
            return History(tuple(self._thaw(trial) for trial in frozen))

    def follow(self, known: History) -> History:
        """The history as stored by now, where `known` was loaded or followed from this object.

        Reads what was written since, and makes trials only of those that `known` does not have
        ended: what a reader that looks every second needs. `known` itself where nothing changed.
        """
        with self._explaining("read"):
            frozen = self._storage.get_all_trials(self._study, deepcopy=False)
            ended = [trial.outcome is not None for trial in known]
            trials = tuple(
                known[index] if index < len(ended) and ended[index] else self._thaw(trial)
                for index, trial in enumerate(frozen)
            )
        return known if trials == known.trials else History(trials)

    def ask(self, architecture: A) -> Trial:
        """Store that `architecture` is going to be tried; durable on return."""
        params = self._space.to_config(architecture)
        started = time.time()
        template = FrozenTrial(
            number=-1,
            trial_id=-1,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=datetime.fromtimestamp(started, UTC),
            datetime_complete=None,
            params=params,
            distributions={path: self._distributions[path] for path in params},
            user_attrs={_STARTED: started},
            system_attrs={},
            intermediate_values={},
        )
        with self._explaining("write"):
            trial_id = self._storage.create_new_trial(self._study, template)
            number = self._storage.get_trial_number_from_id(trial_id)
        self._ids[number] = trial_id
        return Trial(number, architecture, started=started)

    def restart(self, number: int) -> float:
        """Store that trial `number` runs once more; returns when it started."""
        started = time.time()
        with self._explaining("write"):
            self._storage.set_trial_user_attr(self._ids[number], _STARTED, started)
        return started

    def tell(self, number: int, outcome: Outcome) -> float:
        """Store how trial `number` ended, durable on return; returns when."""
        ended = time.time()
        data = {**outcome_to_json(outcome), "ended": ended}
        with self._explaining("write"):
            self._storage.set_trial_user_attr(self._ids[number], _OUTCOME, data)
            self._finish(self._ids[number], outcome)
        return ended

    def close(self) -> None:
        """Let another process open the store."""
        if self._lock is not None:
            self._lock.release()

    def _open(self, where: StoreLike) -> BaseStorage:
        if where is None:
            return InMemoryStorage()
        if isinstance(where, BaseStorage):
            return where
        if "://" in str(where):
            return get_storage(_with_driver(str(where)))
        path = Path(where)
        if self._read_only:
            if not path.exists():
                raise StoreError(f"there is no search at {path}: run `raynas search` first")
            return JournalStorage(JournalFileBackend(str(path)))
        _check_journal(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(path)
        # Left by a writer that was killed; Optuna itself would wait 30 s for it.
        path.with_name(path.name + _OPTUNA_LOCK).unlink(missing_ok=True)
        self._journal = path
        self.mended = _mend(path)
        return JournalStorage(JournalFileBackend(str(path)))

    def _find_study(self, identity: Mapping[str, str]) -> int:
        whole = {
            "format": _FORMAT,
            **identity,
            **{f"space: {k}": v for k, v in self._space.describe().items()},
        }
        try:
            study = self._storage.get_study_id_from_name(self._name)
        except KeyError:
            return self._new_study(whole)
        stored = self._storage.get_study_user_attrs(study).get(_IDENTITY)
        trials = self._storage.get_all_trials(study, deepcopy=False)
        if stored is None and (
            trials or self._storage.get_study_directions(study) != self._directions
        ):
            raise StoreError(
                f"the study {self._name!r} in {self._where} was not made by raynas: "
                "give the search another name or store"
            )
        if stored == whole:
            return study
        without_results = not any(_OUTCOME in trial.user_attrs for trial in trials)
        if stored is None and not self._read_only:
            self._storage.set_study_user_attr(study, _IDENTITY, whole)
            return study
        if stored is None or (without_results and self._lock is not None):
            if not self._read_only:
                self._storage.delete_study(study)
            return self._new_study(whole)
        raise StoreError(
            f"the search {self._name!r} in {self._where} is another one: "
            f"{_differences(stored, whole)}. "
            "Undo the change, or start a new search with another name (--name)"
        )

    def _new_study(self, identity: Mapping[str, str]) -> int:
        if self._read_only:
            raise StoreError(
                f"{self._where} holds no search named {self._name!r}: "
                "run `raynas search` first, or give the name it ran under"
            )
        study = self._storage.create_new_study(self._directions, self._name)
        self._storage.set_study_user_attr(study, _IDENTITY, identity)
        return study

    def _thaw(self, frozen: FrozenTrial) -> Trial:
        architecture = self._space.from_config(frozen.params)
        data = frozen.user_attrs.get(_OUTCOME)
        if data is None and frozen.state.is_finished():
            lost = Failed("its outcome is missing from the store")
            return Trial(frozen.number, architecture, lost, ended=0.0)
        if data is None:
            started = frozen.user_attrs[_STARTED] if self._read_only else time.time()
            return Trial(frozen.number, architecture, started=started)
        data = dict(data)
        ended = data.pop("ended")
        outcome = outcome_from_json(data)
        if not frozen.state.is_finished() and not self._read_only:
            self._finish(frozen._trial_id, outcome)
        return Trial(frozen.number, architecture, outcome, frozen.user_attrs[_STARTED], ended)

    def _finish(self, trial_id: int, outcome: Outcome) -> None:
        match outcome:
            case Completed(objectives=values):
                self._storage.set_trial_state_values(trial_id, TrialState.COMPLETE, values)
            case Stopped():
                self._storage.set_trial_state_values(trial_id, TrialState.PRUNED)
            case _:
                self._storage.set_trial_state_values(trial_id, TrialState.FAIL)

    @contextmanager
    def _explaining(self, verb: str) -> Iterator[None]:
        try:
            yield
        except SpaceError as error:
            raise StoreError(f"the store {self._where} does not fit the space: {error}") from error
        except StoreError:
            raise
        except Exception as error:
            if self._journal is not None and verb == "write":
                with suppress(OSError):
                    _mend(self._journal)
            first = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
            raise StoreError(
                f"cannot {verb} the store {self._where}: {first}. "
                "Put that right and run the same command again; nothing stored is lost"
            ) from error


def _with_driver(url: str) -> str:
    """`url` with the driver that raynas's extras install, where it names none."""
    for database, driver in _DRIVERS.items():
        if url.startswith(f"{database}://"):
            return url.replace(database, f"{database}+{driver}", 1)
    return url


def _check_journal(path: Path) -> None:
    """Refuse a file that is something else, before anything is cut off it or appended to it."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        start = file.read(len(_JOURNAL_START))
    if not _JOURNAL_START.startswith(start):
        raise StoreError(
            f"store={str(path)!r} is not a raynas journal and was left as it is: "
            "give another path, or a database URL such as sqlite:///search.db"
        )


def _locked(path: Path) -> FileLock:
    holder = path.with_name(path.name + ".holder")
    lock = FileLock(path.with_name(path.name + ".in-use"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = holder.read_text().strip() if holder.exists() else "another process"
        if who == _this_process():
            who = "this very process"
        raise StoreError(
            f"{path} is in use by {who}: wait for it, end it, or give this search another name"
        ) from None
    holder.write_text(_this_process() + "\n")
    return lock


def _this_process() -> str:
    return f"process {os.getpid()} on {os.uname().nodename}"


def _mend(path: Path) -> bool:
    """Cut off a last line that a dying process left unfinished; whether there was one."""
    if not path.exists():
        return False
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        kept = end
        while kept and not _ends_line(file, kept):
            kept -= 1
        file.truncate(kept)
    return kept < end


def _ends_line(file: Any, position: int) -> bool:
    file.seek(position - 1)
    return bool(file.read(1) == b"\n")


def _differences(stored: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What changed, at most three entries, in words."""
    parts = [
        f"{key} was {stored.get(key, 'absent')}, now {now.get(key, 'absent')}"
        for key in {**stored, **now}
        if stored.get(key) != now.get(key)
    ]
    more = f" and {len(parts) - 3} more" if len(parts) > 3 else ""
    return "; ".join(parts[:3]) + more


optuna.logging.set_verbosity(optuna.logging.WARNING)
