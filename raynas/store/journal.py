"""A journal file in Optuna's format, written and read without Optuna's copy of it in memory.

Optuna's own `JournalStorage` reads the file as it is, at any moment. Writing here costs one append
and one fsync, where the former costs a lock file and a replay besides; and a search of many
thousand trials holds none of them twice.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock, Timeout
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.trial import TrialState

from raynas.errors import StoreError
from raynas.store.ledger import Record, Study

__all__ = ["JournalLedger"]

_CREATE_STUDY, _DELETE_STUDY, _STUDY_ATTR, _CREATE_TRIAL, _PARAM = 0, 1, 2, 4, 5
_STATE, _VALUE, _TRIAL_ATTR = 6, 7, 8
_MAXIMISE = 2
_START = b'{"op_code":'
_OPTUNA_LOCK = ".lock"


class JournalLedger:
    """A ledger in a journal file, which this process alone writes while the object lives.

    Args:
        path: The file.
        distributions: Optuna's distribution of every parameter that there may be.
        read_only: Only look, also while another process writes; nothing is locked or mended.

    Raises:
        StoreError: Another process holds the file, or it is something else than a journal.
    """

    def __init__(
        self, path: Path, distributions: Mapping[str, BaseDistribution], read_only: bool
    ) -> None:
        self._path = path
        self._distributions = distributions
        self._shown = {name: distribution_to_json(d) for name, d in distributions.items()}
        self._worker = f"{uuid4()}-"
        self._lock: FileLock | None = None
        self.mended = False
        if read_only:
            if not path.exists():
                raise StoreError(
                    f"there is no search at {path}: run `raynas search` first, or give the name it "
                    "ran under"
                )
            self._file = os.open(path, os.O_RDONLY)
        else:
            _check(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(path)
            # Left by a writer that was killed; Optuna itself would wait 30 s for it.
            path.with_name(path.name + _OPTUNA_LOCK).unlink(missing_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            self.mended = _mend(self._file)
        self._book = _Book(distributions, keep=True)
        self._end = 0
        self._read_on()

    def find(self, name: str) -> Study | None:
        """See `Ledger.find`."""
        self._read_on()
        return self._book.find(name)

    def create(self, name: str, objectives: int) -> Study:
        """See `Ledger.create`."""
        directions = [_MAXIMISE] * objectives
        self._write([{"op_code": _CREATE_STUDY, "study_name": name, "directions": directions}])
        study = self._book.find(name)
        if study is None:
            raise StoreError(f"the study {name!r} could not be written")
        return study

    def delete(self, study: Study) -> None:
        """See `Ledger.delete`."""
        self._write([{"op_code": _DELETE_STUDY, "study_id": study.id}])

    def describe(self, study: Study, key: str, value: Any) -> None:
        """See `Ledger.describe`."""
        line = {"op_code": _STUDY_ATTR, "study_id": study.id, "user_attr": {key: value}}
        self._write([line])
        study.attrs[key] = value

    def records(self, study: Study) -> list[Record]:
        """See `Ledger.records`; the file is read anew where it was asked for before."""
        self._read_on()
        self._book.study = study.id
        records = self._book.trials(study.id, forget=self._lock is not None)
        if records is None:
            book = _Book(self._distributions, keep=True)
            for line in self._lines(0):
                book.apply(line)
            records = book.trials(study.id, forget=True) or []
        return records

    def add(self, study: Study, params: Mapping[str, Any], attrs: Mapping[str, Any]) -> int:
        """See `Ledger.add`."""
        line = {
            "op_code": _CREATE_TRIAL,
            "study_id": study.id,
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
        self._read_on()
        self._book.study = study.id
        number = len(self._book.ids(study.id))
        self._write([line])
        return number

    def annotate(self, number: int, key: str, value: Any) -> None:
        """See `Ledger.annotate`."""
        self._write([self._attr(number, key, value)])

    def point(self, number: int, step: int, value: float) -> None:
        """See `Ledger.point`."""
        line = {"op_code": _VALUE, "trial_id": self._id(number), "step": step}
        self._write([{**line, "intermediate_value": value}], sync=False)

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
            os.fdatasync(self._file)

    def close(self) -> None:
        """See `Ledger.close`."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._lock is not None:
            self._lock.release()

    def _id(self, number: int) -> int:
        return self._book.ids(self._book.study)[number]

    def _attr(self, number: int, key: str, value: Any) -> dict[str, Any]:
        trial = self._id(number)
        return {"op_code": _TRIAL_ATTR, "trial_id": trial, "user_attr": {key: value}}

    def _state(
        self, number: int, state: TrialState, values: Sequence[float] | None
    ) -> dict[str, Any]:
        trial = self._id(number)
        line = {"op_code": _STATE, "trial_id": trial, "state": state, "values": values}
        return {**line, "datetime_complete": _now()}

    def _write(self, lines: list[dict[str, Any]], sync: bool = True) -> None:
        """Append whole lines or, where that fails, nothing."""
        self._read_on()
        whole = [{"op_code": line["op_code"], "worker_id": self._worker, **line} for line in lines]
        left = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in whole)
        end = self._end + len(left)
        try:
            while left:
                left = left[os.write(self._file, left) :]
            if sync:
                os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self._end)
            raise
        self._end = end
        for line in whole:
            self._book.apply(line)

    def _read_on(self) -> None:
        """Take in what was written since by this or, as Optuna's tools may, another process."""
        if os.fstat(self._file).st_size == self._end:
            return
        for line in self._lines(self._end):
            self._book.apply(line)

    def _lines(self, start: int) -> Iterator[dict[str, Any]]:
        """The whole lines from `start` on; moves the end where it goes beyond it."""
        with open(self._path, "rb") as file:
            file.seek(start)
            for number, line in enumerate(file):
                if not line.endswith(b"\n"):
                    return
                start += len(line)
                try:
                    entry = json.loads(line)
                except ValueError:
                    raise StoreError(
                        f"line {number + 1} of {self._path} is damaged: restore the file from a "
                        "copy, or take that line out"
                    ) from None
                yield entry
                self._end = max(self._end, start)


class _Book:
    """What the lines of a journal say, as Optuna reads them.

    Args:
        distributions: Of the parameters of the searches that are read.
        keep: Whether trials are kept until they are taken, and not only counted.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution], keep: bool) -> None:
        self.study = -1
        self._distributions = distributions
        self._studies: dict[int, tuple[str, Study]] = {}
        self._next_study = 0
        self._trials = 0
        self._ids: dict[int, array[int]] = {}
        self._records: dict[int, dict[int, Record]] | None = {} if keep else None
        self._by_trial: dict[int, Record] = {}

    def find(self, name: str) -> Study | None:
        """The study of that name, or None."""
        return next((study for known, study in self._studies.values() if known == name), None)

    def ids(self, study: int) -> array[int]:
        """Optuna's id of each trial of `study`, by number."""
        return self._ids.setdefault(study, array("q"))

    def trials(self, study: int, forget: bool) -> list[Record] | None:
        """The trials of `study`, from then on forgotten if so wished; None where they are."""
        if self._records is None:
            return None
        records = list(self._records.get(study, {}).values())
        if forget:
            self._records, self._by_trial = None, {}
        return records

    def apply(self, line: dict[str, Any]) -> None:
        """Take in one line."""
        code = line["op_code"]
        if code == _CREATE_TRIAL:
            self._add(line)
        elif code in (_PARAM, _STATE, _VALUE, _TRIAL_ATTR):
            record = self._by_trial.get(line["trial_id"])
            if record is not None and not record.finished:
                self._change(code, record, line)
        elif code == _CREATE_STUDY:
            if self.find(line["study_name"]) is None:
                ways = line["directions"]
                count = len(ways) if all(way == _MAXIMISE for way in ways) else 0
                study = Study(self._next_study, count, {})
                self._studies[self._next_study] = line["study_name"], study
                self._next_study += 1
        elif code == _DELETE_STUDY:
            self._studies.pop(line["study_id"], None)
        elif code == _STUDY_ATTR and line["study_id"] in self._studies:
            self._studies[line["study_id"]][1].attrs.update(line["user_attr"])

    def _add(self, line: dict[str, Any]) -> None:
        study = line["study_id"]
        if study not in self._studies:
            return
        trial, self._trials = self._trials, self._trials + 1
        self.ids(study).append(trial)
        if self._records is None:
            return
        params = {name: self._external(name, v) for name, v in line.get("params", {}).items()}
        finished = TrialState(line.get("state", TrialState.RUNNING)).is_finished()
        record = Record(params, dict(line.get("user_attrs", {})), finished)
        self._records.setdefault(study, {})[trial] = record
        self._by_trial[trial] = record

    def _change(self, code: int, record: Record, line: dict[str, Any]) -> None:
        if code == _TRIAL_ATTR:
            record.attrs.update(line["user_attr"])
        elif code == _STATE:
            record.finished = TrialState(line["state"]).is_finished()
        elif code == _VALUE:
            record.values[int(line["step"])] = line["intermediate_value"]
        else:
            name = line["param_name"]
            record.params[name] = self._external(name, line["param_value_internal"])

    def _external(self, name: str, value: Any) -> Any:
        """A parameter's value; unknown ones are left, to be refused with their trial."""
        known = self._distributions.get(name)
        try:
            return value if known is None else known.to_external_repr(value)
        except IndexError:
            return value


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _check(path: Path) -> None:
    """Refuse a file that is something else, before anything is cut off it or appended to it."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        start = file.read(len(_START))
    if not _START.startswith(start):
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


def _mend(file: int) -> bool:
    """Cut off a last line that a dying process left unfinished; whether there was one."""
    end = os.fstat(file).st_size
    kept = end
    while kept and os.pread(file, 1, kept - 1) != b"\n":
        kept -= 1
    if kept < end:
        os.ftruncate(file, kept)
    return kept < end
