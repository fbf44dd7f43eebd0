"""Opening a search's study: as it is, with what has changed, or anew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import optuna

from raynas.errors import StoreError
from raynas.store.journal_state import IDENTITY
from raynas.store.log import announce
from raynas.store.optuna_ledger import Ledger, StoredStudy
from raynas.store.outcome_digest import OUTCOME
from raynas.store.search_identity import changed_in, differences, way_out

__all__ = ["REJUDGED", "TRY_AGAIN", "Again", "StudyOpening"]

Again: TypeAlias = bool | Literal["all"]
"""Whether to try once more what has no reward, or to begin anew; see `raynas.store.Store`."""

REJUDGED = "raynas:rejudged"
"""Attribute of a study: the number below which rewards are to be computed anew."""
TRY_AGAIN = "raynas:try again"
"""Attribute of a study: the number below which trials without a reward are to be tried again."""


@dataclass(frozen=True)
class StudyOpening:
    """Finds or makes the study of a search.

    Attributes:
        name: Name of the study.
        identity: What gives its history its meaning.
        objectives: Number of objectives.
        keep: What of the identity may have changed.
        again: Whether to try again what has no reward, or to begin anew.
        read_only: Whether nothing may be written.
        where: The store in words.
        given: The store as its user gave it.
        hold: Keeps other processes off the study.
        held: Whether no other process can write to it.
    """

    name: str
    identity: Mapping[str, str]
    objectives: int
    keep: Collection[str]
    again: Again
    read_only: bool
    where: str
    given: str
    hold: Callable[[Ledger, StoredStudy], None]
    held: Callable[[Ledger], bool]

    def find(self, ledger: Ledger) -> StoredStudy:
        """The study in `ledger`, held for this process unless it is only looked at.

        Raises:
            StoreError: There is none to look at, or it belongs to another search.
        """
        study = ledger.find(self.name)
        if study is None:
            return self._new_study(ledger)
        stored = study.attrs.get(IDENTITY)
        foreign = study.objectives != self.objectives or bool(ledger.records(study))
        if stored is None and foreign:
            raise StoreError(
                f"the study {self.name!r} in {self.where} was not made by raynas: "
                "give the search another name or store"
            )
        self.hold(ledger, study)
        if stored is None and not self.read_only:
            ledger.describe(study, IDENTITY, self.identity)
            return study
        if stored == self.identity and not self.again:
            return study
        changed = changed_in(stored or {}, self.identity)
        if stored is None:
            return self._new_study(ledger)
        if self.again != "all" and self._may_go_on(study, changed):
            return self._adapted(ledger, study, changed)
        return self._in_place_of(ledger, study, changed)

    def _in_place_of(
        self, ledger: Ledger, study: StoredStudy, changed: Collection[str]
    ) -> StoredStudy:
        """A new study where the user wants one or nothing would be lost."""
        if self.held(ledger) and not any(OUTCOME in r.attrs for r in ledger.records(study)):
            ledger.delete(study)
            return self._new_study(ledger)
        if self.again and not self.read_only:
            from raynas.store.set_aside import set_aside

            where = set_aside(ledger, study, self.name, self.given)
            announce("the earlier results of %s were set aside as %s", self.name, where)
            return self._new_study(ledger)
        raise StoreError(
            f"the search {self.name!r} in {self.where} is another one: "
            f"{differences(study.attrs[IDENTITY], self.identity)}. {way_out(changed)}start a new "
            "search with another name (--name), or in its place with --again, which sets the "
            "earlier results aside"
        )

    def _may_go_on(self, study: StoredStudy, changed: Collection[str]) -> bool:
        """Whether all that changed may have changed."""
        return set(changed) <= set(self.keep) and study.objectives == self.objectives

    def _adapted(self, ledger: Ledger, study: StoredStudy, changed: Collection[str]) -> StoredStudy:
        """The study, from now on that of the search as it is."""
        if not self.read_only:
            if "reward" in changed:
                ledger.describe(study, REJUDGED, len(ledger.records(study)))
            if "task" in changed or self.again:
                ledger.describe(study, TRY_AGAIN, len(ledger.records(study)))
            if changed:
                ledger.describe(study, IDENTITY, dict(self.identity))
        return study

    def _new_study(self, ledger: Ledger) -> StoredStudy:
        if self.read_only:
            raise StoreError(
                f"{self.where} holds no search named {self.name!r}: "
                "run `raynas search` first, or give the name it ran under"
            )
        try:
            study = ledger.create(self.name, self.objectives, {IDENTITY: dict(self.identity)})
        except optuna.exceptions.DuplicatedStudyError:
            return self.find(ledger)  # Another process was faster.
        self.hold(ledger, study)
        if IDENTITY not in study.attrs:
            ledger.describe(study, IDENTITY, dict(self.identity))
        return study
