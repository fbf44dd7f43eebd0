"""A journal file in Optuna's format, written and read without Optuna's copy of it in memory.

Optuna's own `JournalStorage` reads the file as it is, at any moment. Writing here costs one append
and one fsync, where the former costs a lock file and a replay besides; and a search of many
thousand trials holds none of them twice. Every line carries a digest, see
`raynas.store.checksum_chain`.
"""

from __future__ import annotations

import errno
import os
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.trial import TrialState

from raynas.errors import DamagedStoreError, LostStoreError, StoreError
from raynas.store.checksum_chain import START, Chain, DamageError, trial_on, was_whole
from raynas.store.folder_sync import sync_folders
from raynas.store.journal_state import (
    CREATE_STUDY,
    CREATE_TRIAL,
    DELETE_STUDY,
    IDENTITY,
    MAXIMIZE,
    STATE,
    STUDY_ATTR,
    TRIAL_ATTR,
    VALUE,
    Book,
)
from raynas.store.optuna_ledger import StoredStudy, StoredTrial
from raynas.store.writer_lock import JournalLock

__all__ = ["JournalLedger", "check_journal"]

_OPTUNA_LOCK = ".lock"
_LINE_TAIL = 32  # bytes: the digest at a line's end
_ATTEMPTS, _PAUSE_SECONDS = 20, 0.05
"""One second in all: another program is in the middle of a line."""


class JournalLedger:
    """A ledger in a journal file, which this process alone writes while the object lives.

    Args:
        path: The file.
        distributions: Optuna's distribution of every parameter that there may be.
        read_only: Whether only to look, also while another process writes; locks nothing.

    Raises:
        StoreError: Another process holds the file, or it is something else than a journal.
    """

    def __init__(
        self, path: Path, distributions: Mapping[str, BaseDistribution], read_only: bool
    ) -> None:
        self.path = path
        self._distributions = distributions
        self._shown = {name: distribution_to_json(d) for name, d in distributions.items()}
        self._lock: JournalLock | None = None
        self._file = -1
        self.mended = False
        if read_only:
            if not path.exists():
                raise StoreError(
                    f"there is no search at {path}: run `raynas search` first, or give the name it "
                    "ran under"
                )
            _check_file(path)
            self._file = os.open(path, os.O_RDONLY)
        else:
            check_journal(path)
            self._lock = JournalLock(path)
        self._book = Book(distributions, keep=True)
        self._chain = Chain()
        self._end = 0
        self._tail = b""
        try:
            if read_only:
                self._read_on()
            else:
                self._open_to_write()
        except BaseException:
            self.close()
            raise
        self._worker = f"{self._chain.journal}-{uuid4().hex[:8]}-"

    def _remove_optunas_lock(self) -> None:
        """Remove what a writer that was killed has left, for which Optuna would wait 30 s.

        It is a symbolic link to the journal; anything else is somebody else's.
        """
        lock = self.path.with_name(self.path.name + _OPTUNA_LOCK)
        with suppress(OSError):
            target = Path(os.readlink(lock))
            same = target.name == self.path.name
            if same and (not target.is_absolute() or lock.samefile(self.path)):
                lock.unlink()

    def _open_to_write(self) -> None:
        self._remove_optunas_lock()
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        if self._lock is not None:
            self._lock.take_in(self._file)
        self._take_in()
        if not os.fstat(self._file).st_size:
            sync_folders(self.path)
        torn = os.pread(self._file, os.fstat(self._file).st_size - self._end, self._end)
        if was_whole(torn):  # No dying process leaves such an end.
            damage = DamageError("is damaged", trial_on(torn))
            raise self._damaged(damage, self._chain.lines + 1)
        self.mended = bool(torn)
        os.ftruncate(self._file, self._end)

    def find(self, name: str) -> StoredStudy | None:
        """See `Ledger.find`."""
        self._read_on()
        return self._book.find(name)

    def names(self) -> list[str]:
        """See `Ledger.names`."""
        self._read_on()
        return self._book.names

    def create(self, name: str, objectives: int, attrs: Mapping[str, Any]) -> StoredStudy:
        """See `Ledger.create`; what it needs to be read is in both lines: either can be lost."""
        self._read_on()
        new = {
            "study_id": self._book.studies_in_all,
            "study_name": name,
            "directions": [MAXIMIZE] * objectives,
        }
        new["distributions"] = self._shown
        self._write([{"op_code": CREATE_STUDY, **new, "user_attrs": attrs}])
        study = self._book.find(name)
        if study is None:
            raise StoreError(f"the study {name!r} could not be written")
        for key, value in attrs.items():
            self._write([{"op_code": STUDY_ATTR, **new, "user_attr": {key: value}}])
        return study

    def delete(self, study: StoredStudy) -> None:
        """See `Ledger.delete`."""
        self._write([{"op_code": DELETE_STUDY, "study_id": study.id}])

    def describe(self, study: StoredStudy, key: str, value: Any) -> None:
        """See `Ledger.describe`."""
        line = {"op_code": STUDY_ATTR, "study_id": study.id, "user_attr": {key: value}}
        declared = {"distributions": self._shown} if key == IDENTITY else {}
        self._write([{**line, **declared}])
        study.attrs[key] = value

    def records(self, study: StoredStudy) -> list[StoredTrial]:
        """See `Ledger.records`; the file is read anew where it was asked for before."""
        self._read_on()
        self._book.study = study.id
        records = self._book.trials(study.id, forget=self._lock is not None)
        if records is None:
            book = Book(self._distributions, keep=True)
            for entry, ours in self._entries(Chain(), 0):
                self._applied(book, entry, ours)
            records = book.trials(study.id, forget=True) or []
        return records

    def count(self, study: StoredStudy) -> int:
        """See `Ledger.count`."""
        self._read_on()
        return len(self._book.ids(study.id))

    def add(self, study: StoredStudy, params: Mapping[str, Any], attrs: Mapping[str, Any]) -> int:
        """See `Ledger.add`."""
        self._read_on()
        self._book.study = study.id
        number = len(self._book.ids(study.id))
        line = {
            "op_code": CREATE_TRIAL,
            "study_id": study.id,
            "trial_id": self._book.trials_in_all,
            "number": number,
            "datetime_start": _now(),
            "state": TrialState.RUNNING,
            "value": None,
            "values": None,
            "distributions": {name: self._shown[name] for name in params},
            "params": {
                name: self._distributions[name].to_internal_repr(value)
                for name, value in params.items()
            },
            "user_attrs": attrs,
            "system_attrs": {},
            "intermediate_values": {},
        }
        self._write([line])
        return number

    def annotate(self, number: int, key: str, value: Any) -> None:
        """See `Ledger.annotate`."""
        self._write([self._attr(number, key, value)])

    def point(self, number: int, step: int, value: float) -> None:
        """See `Ledger.point`."""
        line = {**self._about(VALUE, number), "step": step, "intermediate_value": value}
        self._write([line], sync=False)

    def finish(
        self, number: int, state: TrialState, values: Sequence[float] | None, sync: bool
    ) -> None:
        """See `Ledger.finish`."""
        self._write([self._state(number, state, values)], sync)

    def end(
        self,
        number: int,
        note: tuple[str, Any],
        state: TrialState,
        values: Sequence[float] | None,
        sync: bool,
    ) -> None:
        """See `Ledger.end`; one write."""
        self._write([self._attr(number, *note), self._state(number, state, values)], sync)

    def flush(self) -> None:
        """See `Ledger.flush`."""
        if self._lock is not None:
            self._check_file()
            os.fdatasync(self._file)

    def close(self) -> None:
        """See `Ledger.close`."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._lock is not None:
            self._lock.release()

    def _about(self, code: int, number: int) -> dict[str, Any]:
        """The beginning of a line about a trial."""
        study = self._book.study
        trial = self._book.ids(study)[number]
        return {"op_code": code, "study_id": study, "trial_id": trial, "number": number}

    def _attr(self, number: int, key: str, value: Any) -> dict[str, Any]:
        return {**self._about(TRIAL_ATTR, number), "user_attr": {key: value}}

    def _state(
        self, number: int, state: TrialState, values: Sequence[float] | None
    ) -> dict[str, Any]:
        line = {**self._about(STATE, number), "state": state, "values": values}
        return {**line, "datetime_complete": _now()}

    def _write(self, lines: list[dict[str, Any]], sync: bool = True) -> None:
        """Append whole lines or, where that fails, nothing."""
        self._read_on()
        entries = [
            {"op_code": line["op_code"], "worker_id": self._worker, **line} for line in lines
        ]
        mark = self._chain.mark()
        try:
            text = b"".join(map(self._chain.sealed, entries))
            left = text
            while left:
                left = left[os.write(self._file, left) :]
            if sync:
                os.fdatasync(self._file)
        except BaseException:
            self._chain.back(mark)
            os.ftruncate(self._file, self._end)
            raise
        self._took(text)
        for entry in entries:
            self._book.apply(entry)

    def _took(self, text: bytes) -> None:
        """Remember that the file goes on with `text`."""
        self._end += len(text)
        self._tail = (self._tail + text[-_LINE_TAIL:])[-_LINE_TAIL:]

    def _read_on(self) -> None:
        """Take in what was written since by this or, as Optuna's tools may, another process.

        Raises:
            LostStoreError: The file is not the one that was opened, or not what it was.
        """
        for _ in range(_ATTEMPTS):
            size = self._check_file()
            if size == self._end:
                return
            self._take_in()
            if self._lock is None or self._end >= size:
                return
            time.sleep(_PAUSE_SECONDS)  # Another program is in the middle of a line.
        raise StoreError(f"{self.path} ends in a half-written line of another program")

    def _take_in(self) -> None:
        """Read the whole lines that are new."""
        for entry, ours in self._entries(self._chain, self._end):
            self._applied(self._book, entry, ours)

    def _check_file(self) -> int:
        """The size of the file, which is still the one that was opened and begins as it did."""
        try:
            mine, there = os.fstat(self._file), os.stat(self.path)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE):
                raise
            raise LostStoreError(f"{self.path} was removed or moved away") from None
        if (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino):
            raise LostStoreError(f"{self.path} was replaced by another file")
        if mine.st_size < self._end:
            raise LostStoreError(
                f"{self.path} was shortened from {self._end:,} bytes to {mine.st_size:,}"
            )
        if os.pread(self._file, len(self._tail), self._end - len(self._tail)) != self._tail:
            raise LostStoreError(f"{self.path} was overwritten")
        return mine.st_size

    def _entries(self, chain: Chain, start: int) -> Iterator[tuple[dict[str, Any], bool]]:
        """What the whole lines from `start` on say, and which are raynas's."""
        with open(self.path, "rb") as file:
            file.seek(start)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                try:
                    entry = chain.read(line)
                except DamageError as damage:
                    raise self._damaged(damage, chain.lines + 1) from None
                if chain is self._chain:
                    self._took(line)
                yield entry

    def _applied(self, book: Book, entry: Mapping[str, Any], ours: bool) -> None:
        try:
            book.apply(entry, ours)
        except DamageError as damage:
            raise self._damaged(damage, self._chain.lines) from None

    def _damaged(self, damage: DamageError, line: int) -> DamagedStoreError:
        trial = "" if damage.trial is None else f" (trial {damage.trial})"
        repair = f"raynas repair {shlex.quote(str(self.path))}"
        return DamagedStoreError(
            f"line {line} of {self.path}{trial} {damage.why}. Nothing was changed. Run "
            f"`{repair}`: it moves the file aside and keeps what can be proved",
            line,
            damage.trial,
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def check_journal(path: Path) -> None:
    """Refuse a file that is something else, before anything is cut off it or appended to it."""
    if not path.exists():
        return
    _check_file(path)
    with path.open("rb") as file:
        start = file.read(len(START))
    if not START.startswith(start):
        raise StoreError(
            f"store={str(path)!r} is not a raynas journal and was left as it is: "
            "give another path, or a database URL such as sqlite:///search.db"
        )


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise StoreError(
            f"store={str(path)!r} is no file: give the path of a journal, such as "
            f"{str(path / 'journal.log')!r}, or a database URL such as sqlite:///search.db"
        )
