"""What the lines of a journal say, as Optuna reads them."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import TrialState

from raynas.store.checksum_chain import DamageError
from raynas.store.optuna_ledger import StoredStudy, StoredTrial

__all__ = [
    "CREATE_STUDY",
    "CREATE_TRIAL",
    "DELETE_STUDY",
    "IDENTITY",
    "MAXIMIZE",
    "PARAM",
    "STATE",
    "STUDY_ATTR",
    "TRIAL_ATTR",
    "VALUE",
    "Book",
]

CREATE_STUDY, DELETE_STUDY, STUDY_ATTR, CREATE_TRIAL, PARAM = 0, 1, 2, 4, 5
"""Codes of Optuna's journal, `JournalOperation`."""
STATE, VALUE, TRIAL_ATTR = 6, 7, 8  # codes of Optuna's journal, `JournalOperation`
MAXIMIZE = 2  # code of Optuna's `StudyDirection`
IDENTITY = "raynas"
"""User attribute of studies: what gives the history its meaning."""
OWN_KEYS = frozenset({"outcome", "started", "runs", "repeats", "budget"})
"""User attributes of trials that raynas alone writes."""


class Book:
    """The studies and trials in the lines seen so far.

    Args:
        distributions: Distributions of the parameters of the searches that are read.
        keep: Whether trials are kept until they are taken, and not only counted.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution], keep: bool) -> None:
        self.study = -1
        self._distributions = distributions
        self._studies: dict[int, tuple[str, StoredStudy]] = {}
        self._ours: set[int] = set()
        self._next_study = 0
        self._owners: array[int] = array("q")
        self._ids: dict[int, array[int]] = {}
        self._records: dict[int, dict[int, StoredTrial]] | None = {} if keep else None
        self._by_trial: dict[int, StoredTrial] = {}

    @property
    def trials_in_all(self) -> int:
        """Number of trials of all studies: Optuna's id of the next one."""
        return len(self._owners)

    @property
    def studies_in_all(self) -> int:
        """Number of studies that were ever made: Optuna's id of the next one."""
        return self._next_study

    @property
    def names(self) -> list[str]:
        """Names of all studies."""
        return [name for name, _ in self._studies.values()]

    def find(self, name: str) -> StoredStudy | None:
        """The study of that name, or None."""
        return next((study for known, study in self._studies.values() if known == name), None)

    def ids(self, study: int) -> array[int]:
        """Optuna's id of each trial of `study`, by number."""
        return self._ids.setdefault(study, array("q"))

    def trials(self, study: int, forget: bool) -> list[StoredTrial] | None:
        """The trials of `study`, from then on forgotten if so wished; None where they are."""
        if self._records is None:
            return None
        records = list(self._records.get(study, {}).values())
        if forget:
            self._records, self._by_trial = None, {}
        return records

    def apply(self, line: Mapping[str, Any], ours: bool = True) -> None:
        """Take in one line, which raynas wrote or another program did.

        Raises:
            DamageError: The line does not fit those before it, or another program changed a
                search of raynas.
        """
        try:
            if not ours:
                self._refuse_changes(line)
            self._apply(line, ours)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise DamageError("is no line of a journal", line.get("number")) from None

    def _apply(self, line: Mapping[str, Any], ours: bool) -> None:
        code = line["op_code"]
        if code == CREATE_TRIAL:
            self._add(line)
        elif code in (PARAM, STATE, VALUE, TRIAL_ATTR):
            self._check_trial(line)
            record = self._by_trial.get(line["trial_id"])
            if record is not None and not record.finished:
                self._change(code, record, line)
        elif code == CREATE_STUDY:
            self._create(line)
        elif code == DELETE_STUDY:
            self._studies.pop(line["study_id"], None)
        elif code == STUDY_ATTR and line["study_id"] in self._studies:
            self._studies[line["study_id"]][1].attrs.update(line["user_attr"])
            if ours and IDENTITY in line["user_attr"]:
                self._ours.add(line["study_id"])

    def _create(self, line: Mapping[str, Any]) -> None:
        if self.find(line["study_name"]) is not None:
            return
        ways = line["directions"]
        count = len(ways) if all(way == MAXIMIZE for way in ways) else 0
        study = StoredStudy(self._next_study, count, dict(line.get("user_attrs", {})))
        self._studies[self._next_study] = line["study_name"], study
        self._next_study += 1
        if IDENTITY in study.attrs:
            self._ours.add(study.id)

    def _add(self, line: Mapping[str, Any]) -> None:
        study = line["study_id"]
        if study not in self._studies:
            return
        trial, ids = len(self._owners), self.ids(study)
        if (line.get("trial_id", trial), line.get("number", len(ids))) != (trial, len(ids)):
            raise DamageError(f"adds a trial where number {len(ids)} is due", line.get("number"))
        self._owners.append(study)
        ids.append(trial)
        if self._records is None:
            return
        params = {name: self._external(name, v) for name, v in line.get("params", {}).items()}
        finished = TrialState(line.get("state", TrialState.RUNNING)).is_finished()
        record = StoredTrial(params, dict(line.get("user_attrs", {})), finished)
        self._records.setdefault(study, {})[trial] = record
        self._by_trial[trial] = record

    def _check_trial(self, line: Mapping[str, Any]) -> None:
        """Check that a line about a trial is about one that exists, under its number."""
        trial, number = line["trial_id"], line.get("number")
        if not 0 <= trial < len(self._owners):
            raise DamageError("is about a trial that is not in the file", number)
        if number is not None:
            ids = self.ids(self._owners[trial])
            if number >= len(ids) or ids[number] != trial:
                raise DamageError("is about another trial than the one it was written for", number)

    def _refuse_changes(self, line: Mapping[str, Any]) -> None:
        """Refuse what another program did to a search of raynas beyond notes of its own."""
        code = line["op_code"]
        if code in (PARAM, STATE, VALUE, TRIAL_ATTR):
            self._check_trial(line)
            study = self._owners[line["trial_id"]]
            note = code == TRIAL_ATTR and not OWN_KEYS & line["user_attr"].keys()
        else:
            study = line.get("study_id", -1)
            note = code not in (CREATE_TRIAL, DELETE_STUDY) and not any(
                key.startswith("raynas") for key in line.get("user_attr", {})
            )
        if study in self._ours and not note:
            raise DamageError("changes the search, but was not written by raynas")

    def _change(self, code: int, record: StoredTrial, line: Mapping[str, Any]) -> None:
        if code == TRIAL_ATTR:
            record.attrs.update(line["user_attr"])
        elif code == STATE:
            record.finished = TrialState(line["state"]).is_finished()
        elif code == VALUE:
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
