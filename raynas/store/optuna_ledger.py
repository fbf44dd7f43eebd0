"""What a store writes to: studies, and the trials in them, in Optuna's terms.

Two kinds: `raynas.store.journal` appends to a journal file by itself, `OptunaLedger` goes through
any storage of Optuna's, such as a database.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from raynas.bridges.optuna import quiet_optuna
from raynas.errors import DamagedStoreError, LostStoreError
from raynas.redaction import scrubbed
from raynas.store.log import announce

__all__ = ["PATIENCE_SECONDS", "Ledger", "OptunaLedger", "StoredStudy", "StoredTrial"]

T = TypeVar("T")

PATIENCE_SECONDS = 90.0
"""How long a running search waits for a database that does not answer."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
"""Seconds; doubled up to the second, so that a database that restarts is not crowded."""


@dataclass
class StoredStudy:
    """A study as it is stored: its id, the number of its objectives, and its user attributes."""

    id: int
    objectives: int
    attrs: dict[str, Any]


@dataclass
class StoredTrial:
    """A trial as it is stored: decisions, user attributes, curve, and whether it is finished."""

    params: dict[str, Any]
    attrs: dict[str, Any]
    finished: bool = False
    values: dict[int, float] = field(default_factory=dict)


class Ledger(Protocol):
    """Writes are durable on return, but for those with ``sync=False`` until the next one."""

    mended: bool

    @property
    def path(self) -> Path | None:
        """The file on this machine that the ledger is in, where it is in one."""

    def find(self, name: str) -> StoredStudy | None:
        """The study of that name, or None."""

    def names(self) -> list[str]:
        """Names of all studies."""

    def create(self, name: str, objectives: int, attrs: Mapping[str, Any]) -> StoredStudy:
        """A new study, every objective to be maximized; it may have `attrs` from the start on."""

    def delete(self, study: StoredStudy) -> None:
        """Remove the study with its trials."""

    def describe(self, study: StoredStudy, key: str, value: Any) -> None:
        """Set a user attribute of the study."""

    def records(self, study: StoredStudy) -> list[StoredTrial]:
        """The study's trials by number."""

    def count(self, study: StoredStudy) -> int:
        """Number of the study's trials, and so the number of the next one."""

    def add(self, study: StoredStudy, params: Mapping[str, Any], attrs: Mapping[str, Any]) -> int:
        """Add a running trial; its number."""

    def annotate(self, number: int, key: str, value: Any) -> None:
        """Set a user attribute of a trial that is not finished."""

    def point(self, number: int, step: int, value: float) -> None:
        """Set an intermediate value of a trial that is not finished; need not be durable."""

    def finish(
        self, number: int, state: TrialState, values: Sequence[float] | None, sync: bool
    ) -> None:
        """Give a trial its final state, without effect where it has one."""

    def end(
        self,
        number: int,
        note: tuple[str, Any],
        state: TrialState,
        values: Sequence[float] | None,
        sync: bool,
    ) -> None:
        """`annotate` with `note`, then `finish`."""

    def flush(self) -> None:
        """Make durable what was written with ``sync=False``."""

    def close(self) -> None:
        """Let go of files and connections."""


class OptunaLedger:
    """A ledger in any storage of Optuna's.

    What a database refuses for a passing reason, such as a lost connection, is tried again for up
    to 90 seconds, without writing anything twice.

    Args:
        storage: Storage that is written to.
        distributions: Optuna's distribution of every parameter that there may be.
        where: How the storage is called in messages.
        own: Whether nobody else uses the storage, so that it is closed with the ledger.
        patience: Seconds to wait for a database that does not answer; 0 for none.
    """

    mended = False

    def __init__(
        self,
        storage: BaseStorage,
        distributions: Mapping[str, BaseDistribution],
        where: str,
        own: bool = False,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.storage = storage
        self._own = own
        self._patience = patience
        self._distributions = distributions
        self._where = where
        self._ids: dict[int, int] = {}
        self.path = _file_of(storage)
        self._identity = None if self.path is None else _identity(self.path)

    def find(self, name: str) -> StoredStudy | None:
        """See `Ledger.find`."""
        try:
            study = self.storage.get_study_id_from_name(name)
        except KeyError:
            return None
        objectives = self.storage.get_study_directions(study)
        maximized = all(way == StudyDirection.MAXIMIZE for way in objectives)
        attrs = dict(self.storage.get_study_user_attrs(study))
        return StoredStudy(study, len(objectives) if maximized else 0, attrs)

    def names(self) -> list[str]:
        """See `Ledger.names`."""
        return [study.study_name for study in self.storage.get_all_studies()]

    def create(self, name: str, objectives: int, attrs: Mapping[str, Any]) -> StoredStudy:
        """See `Ledger.create`; the attributes are left to `describe`."""
        del attrs
        directions = [StudyDirection.MAXIMIZE] * objectives
        with quiet_optuna():
            return StoredStudy(self.storage.create_new_study(directions, name), objectives, {})

    def delete(self, study: StoredStudy) -> None:
        """See `Ledger.delete`."""
        self.storage.delete_study(study.id)

    def describe(self, study: StoredStudy, key: str, value: Any) -> None:
        """See `Ledger.describe`."""
        self._again(lambda _: self.storage.set_study_user_attr(study.id, key, value))
        study.attrs[key] = value

    def records(self, study: StoredStudy) -> list[StoredTrial]:
        """See `Ledger.records`."""
        trials = self._again(lambda _: self.storage.get_all_trials(study.id, deepcopy=False))
        self._ids = {trial.number: trial._trial_id for trial in trials}
        for number, trial in enumerate(trials):
            if trial.number != number:
                raise DamagedStoreError(
                    f"trial {number} is missing from the store {self._where}: restore it from a "
                    "backup, or start a new search with another name (--name)",
                    trial=number,
                )
        return [
            StoredTrial(
                trial.params,
                dict(trial.user_attrs),
                trial.state.is_finished(),
                dict(trial.intermediate_values),
            )
            for trial in trials
        ]

    def count(self, study: StoredStudy) -> int:
        """See `Ledger.count`."""
        return self._again(lambda _: self.storage.get_n_trials(study.id))

    def add(self, study: StoredStudy, params: Mapping[str, Any], attrs: Mapping[str, Any]) -> int:
        """See `Ledger.add`."""
        template = FrozenTrial(
            number=-1,
            trial_id=-1,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=datetime.now(UTC),
            datetime_complete=None,
            params=dict(params),
            distributions={path: self._distributions[path] for path in params},
            user_attrs=dict(attrs),
            system_attrs={},
            intermediate_values={},
        )

        def write(again: bool) -> int:
            if again:  # It may have been written although no answer came.
                for trial in self.storage.get_all_trials(study.id, deepcopy=False)[-1:]:
                    if trial.user_attrs == template.user_attrs:
                        return trial._trial_id
            return self.storage.create_new_trial(study.id, template)

        trial_id = self._again(write)
        number = self._again(lambda _: self.storage.get_trial_number_from_id(trial_id))
        self._ids[number] = trial_id
        return number

    def annotate(self, number: int, key: str, value: Any) -> None:
        """See `Ledger.annotate`."""
        self._again(lambda _: self.storage.set_trial_user_attr(self._ids[number], key, value))

    def point(self, number: int, step: int, value: float) -> None:
        """See `Ledger.point`."""
        self._again(
            lambda _: self.storage.set_trial_intermediate_value(self._ids[number], step, value)
        )

    def finish(
        self, number: int, state: TrialState, values: Sequence[float] | None, sync: bool
    ) -> None:
        """See `Ledger.finish`."""
        del sync

        def write(again: bool) -> None:
            if again and self.storage.get_trial(self._ids[number]).state.is_finished():
                return
            self.storage.set_trial_state_values(self._ids[number], state, values)

        self._again(write)

    def end(
        self,
        number: int,
        note: tuple[str, Any],
        state: TrialState,
        values: Sequence[float] | None,
        sync: bool,
    ) -> None:
        """See `Ledger.end`."""
        self.annotate(number, *note)
        self.finish(number, state, values, sync)

    def flush(self) -> None:
        """See `Ledger.flush`; every write here is durable at once."""
        if self.path is not None:
            self._again(lambda _: None)

    def close(self) -> None:
        """See `Ledger.close`."""
        self.storage.remove_session()
        if self._own and isinstance(self.storage, RDBStorage):
            self.storage.engine.dispose()

    def _again(self, write: Callable[[bool], T]) -> T:
        """`write(False)`, then while the storage is away `write(True)`."""
        if self.path is not None and _identity(self.path) != self._identity:
            raise LostStoreError(f"{self.path} was removed, moved away or replaced by another file")
        deadline = time.monotonic() + self._patience
        pause = _FIRST_PAUSE
        again = False
        while True:
            try:
                result = write(again)
            except Exception as error:
                if not _passing(error) or time.monotonic() >= deadline:
                    raise
                if not again:
                    announce(
                        "the store %s does not answer (%s): trying again for %g s",
                        self._where,
                        scrubbed(_first_line(error)),
                        self._patience,
                    )
                again = True
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                if again:
                    announce("the store %s answers again", self._where)
                return result


def _file_of(storage: BaseStorage) -> Path | None:
    """The file of a SQLite database; None for other storages, and where it is in memory."""
    if not isinstance(storage, RDBStorage) or storage.engine.url.get_backend_name() != "sqlite":
        return None
    path = Path(storage.engine.url.database or "")
    return path.absolute() if path.is_file() else None


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of a file that is there."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _passing(error: BaseException | None) -> bool:
    """Whether a database may take the same write a little later."""
    from sqlalchemy.exc import InterfaceError, OperationalError

    if isinstance(error, optuna.exceptions.StorageInternalError):
        error = error.__cause__
    if not isinstance(error, InterfaceError | OperationalError):
        return False
    return "sqlite3" not in str(error) or "locked" in str(error)


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]
