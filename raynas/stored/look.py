"""An open search, as those see it who look at it."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from ast import literal_eval
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic

from typing_extensions import TypeVar

from raynas.analysis.full_training import FULL
from raynas.analysis.provenance import read_runs
from raynas.analysis.recorded_plan import read_prediction
from raynas.analysis.search_view import SearchView, time_reached
from raynas.asktell import AskTell
from raynas.errors import SpaceError, StoreError
from raynas.objective import Objective
from raynas.redaction import shown_url
from raynas.rewards import Reward
from raynas.space import Space
from raynas.space.saved import space_from_json
from raynas.stopping import StopRule, StopWarning, first_stop, warnings_of
from raynas.store import StoreLike
from raynas.store.holder import Driver
from raynas.store.search_identity import BUDGETS, LEARN_FROM
from raynas.stored.noted import NotedRule, noted_stop
from raynas.stored.plain import UnknownReward, reward_from_json, rule_from_json
from raynas.stored.snapshot import Snapshot, read_snapshot
from raynas.trials import History, Stop, Trial

__all__ = ["JOURNAL", "STORE_VARIABLE", "Look", "StoredSearch", "open_stored", "store_of"]

A = TypeVar("A", default=Any)

JOURNAL = "journal.log"
STORE_VARIABLE = "RAYNAS_STORE"


class Look(ABC, Generic[A]):
    """What an open search shows; `raynas.search.SearchRun` adds how it is run.

    Attributes:
        name: Name of the search in its store.
        folder: Results folder of the search.
        space: What its architectures are members of.
        reward: What is maximized.
        rules: Stop rules of the search, limits included.
        asktell: Ask-and-tell loop that holds the history.
    """

    name: str
    folder: Path
    space: Space[A]
    reward: Reward
    rules: tuple[StopRule, ...]
    asktell: AskTell[A]
    _store: StoreLike
    _full: AskTell[A] | None = None

    @property
    @abstractmethod
    def limit(self) -> int:
        """Number of trials at which the search ends at the latest."""

    @property
    @abstractmethod
    def reserved(self) -> Mapping[str, float]:
        """Resources that each trial reserves, by Ray's names."""

    def close(self) -> None:
        """Let go of the store."""
        if self._full is not None:
            self._full.close()
        self.asktell.close()

    @property
    def history(self) -> History[A]:
        """All proposals and outcomes so far; an immutable snapshot."""
        return self.asktell.history

    def label(self, trial: Trial) -> str:
        """Which trial `trial` is, for people."""
        return f"trial {trial.number}"

    def states(self) -> list[str]:
        """How near each rule is to a stop."""
        now = self.time_reached()
        return [rule.state(self.history, now) for rule in self.rules]

    def warnings(self) -> list[StopWarning]:
        """What the rules warn of."""
        return warnings_of(self.rules, self.history, self.time_reached())

    def stop(self) -> Stop | None:
        """Why the search ended, or what the rules say of the history as it is."""
        noted = noted_stop(self.folder, self.history)
        return noted or first_stop(self.rules, self.history, self.time_reached())

    def time_reached(self) -> float:
        """The time that the search has reached: now, or earlier if nobody runs it any more."""
        return time_reached(self.history, self.driver(), time.time())

    def driver(self) -> Driver:
        """The process that runs the search now, or whether none does."""
        return self.asktell.store.driver()

    def follow(self) -> History[A]:
        """What is stored by now, where it was opened to look only; reads what is new."""
        return self.asktell.follow()

    def points(self) -> list[dict[int, float]]:
        """The reward of each trial at steps that it passed, as stored at most once a second."""
        return self.asktell.store.points()

    def notes(self, number: int) -> dict[str, Any]:
        """What the store holds about trial `number` besides its outcome, such as earlier runs."""
        return self.asktell.store.notes(number)

    def full_trainings(self) -> History[A] | None:
        """The trials of stage 2 so far, also while they run; None where there are none to read.

        Their architectures are members of this search's space, their numbers are their own.
        """
        try:
            self._full = self._full or self._opened_full()
            return None if self._full is None else self._full.follow()
        except StoreError:  # another one may have begun in its place
            if self._full is not None:
                self._full.close()
            self._full = None
            return None

    def _opened_full(self) -> AskTell[A] | None:
        """The study of stage 2, to look at only; None where it was never started."""
        folder = self.folder.with_name(self.folder.name + FULL)
        snapshot = read_snapshot(folder)
        if snapshot is None:
            return None
        try:
            store: StoreLike = store_of(snapshot, folder)
        except StoreError:
            store = self._store  # a database, which holds both
        return AskTell(
            self.space,
            "random",
            snapshot.seed,
            store=store,
            name=snapshot.name,
            read_only=True,
            reward=self.reward,
            identity=snapshot.identity,
        )

    def view(self) -> SearchView:
        """The search as it is now, for reports."""
        runs = read_runs(self.folder)
        facts = runs[-1] if runs else {}
        if len(runs) > 1:
            earlier = ", ".join(run.get("started", "unknown") for run in runs[:-1])
            facts = {**facts, "earlier starts": earlier}
        return SearchView(
            name=self.name,
            space=self.space,
            history=self.history,
            reward=self.reward,
            rules=self.rules,
            limit=self.limit,
            reserved=self.reserved,
            provenance=facts,
            prediction=read_prediction(self.folder),
            folder=self.folder,
            now=time.time(),
            driver=self.driver(),
            ended_by=noted_stop(self.folder, self.history),
            full=self.full_trainings(),
        )


class StoredSearch(Look):
    """A search opened from what its folder holds, to look at only.

    Args:
        snapshot: What was stored about it.
        folder: Results folder of the search.
        store: Store of its trials.

    Raises:
        StoreError: There is no such search, or what is stored of it does not fit together.
    """

    def __init__(self, snapshot: Snapshot, folder: Path, store: str | Path) -> None:
        self.name = snapshot.name
        self.folder = folder
        self._store = store
        self._snapshot = snapshot
        try:
            self.space = space_from_json(snapshot.space)
        except SpaceError as error:
            raise StoreError(f"{folder}: {error}; give the search file instead") from None
        self.reward = reward_from_json(
            snapshot.reward,
            snapshot.reward_shown,
            tuple(Objective(**each) for each in snapshot.objectives),
        )
        self.rules = tuple(
            rule_from_json(data) or NotedRule(folder, index, name)
            for index, (name, data) in enumerate(snapshot.rules)
        )
        budgets = snapshot.identity.get(BUDGETS)
        if budgets and LEARN_FROM in snapshot.identity:
            raise StoreError(
                f"what {self.name!r} believes rests on the searches that it learned from, which "
                f"are not in {folder}: give the search file instead of the folder"
            )
        self.asktell = AskTell(
            self.space,
            "auto" if budgets else "random",
            snapshot.seed,
            store=store,
            name=snapshot.name,
            read_only=True,
            reward=self.reward,
            identity=snapshot.identity,
            budgets=literal_eval(budgets) if budgets else (1.0,),
        )
        if isinstance(self.reward, UnknownReward) and self.asktell.store.rejudged:
            self.close()
            raise StoreError(
                f"the rewards of {self.name!r} are computed anew by a reward of your own, "
                f"{self.reward!r}: give the search file instead of the folder"
            )
        trainings = self._noted_limits.get("trainings")
        known = trainings if isinstance(trainings, int | float) else None
        self.asktell.limit_to(known, self.limit)

    def __enter__(self) -> StoredSearch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def limit(self) -> int:
        """See `Look.limit`: as noted by the latest start."""
        noted = self._noted_limits.get("trials")
        return noted if isinstance(noted, int) else self._snapshot.limit

    @property
    def _noted_limits(self) -> dict[str, Any]:
        limits = self.asktell.store.notes_on_search.get("limits")
        return limits if isinstance(limits, dict) else {}

    @property
    def reserved(self) -> Mapping[str, float]:
        """See `Look.reserved`."""
        return self._snapshot.reserved


def open_stored(snapshot: Snapshot, folder: Path, store: str | None = None) -> StoredSearch:
    """Open the search in `folder` to look at it.

    Args:
        snapshot: What was stored about it.
        folder: Results folder of the search.
        store: Store of its trials; the snapshot's by default.

    Raises:
        StoreError: See `StoredSearch`; or where the trials are is not known.
    """
    return StoredSearch(snapshot, folder, store or store_of(snapshot, folder))


def store_of(snapshot: Snapshot, folder: Path) -> str | Path:
    """The store of a search's trials, by what its results folder says.

    Raises:
        StoreError: The folder does not say enough, such as a URL without its password.
    """
    known, given = snapshot.store, os.environ.get(STORE_VARIABLE)
    if known is not None and "://" not in known:
        return folder / known
    if known is not None and "***" not in known:
        return known
    if given and known is not None and shown_url(given) == known:
        return given
    where = known or "a storage of its own"
    raise StoreError(
        f"the trials of {snapshot.name!r} are in {where}, which cannot be opened from its folder "
        f"alone: set {STORE_VARIABLE} to its URL, or give the search file"
    )
