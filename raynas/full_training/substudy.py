"""Studies beside that of a search, which may still be running: what stages after it are kept in."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from raynas.analysis.full_training import label_of
from raynas.controllers.by_name import ControllerLike
from raynas.errors import StoreError
from raynas.search import Limits, Search, SearchResult, SearchRun
from raynas.stopping import first_stop
from raynas.store import beside
from raynas.trials import Architecture, History, Stop, Stopped, Trial
from raynas.wording import counted

__all__ = ["Study", "folder_of", "history_of", "open_study", "study_beside"]

_ALL_ENDED = Stop("all trained", "Every training has ended.", "Look at the results.")


class Study(SearchRun):
    """An open study beside that of a search: no rule stops it but those it was given.

    Args:
        study: What to run.
        read_only: Whether only to look at it, also while another process runs it.
        numbers: The search's number for each architecture that it tried.
        kind: What a run of this study is called.
    """

    def __init__(
        self,
        study: Search,
        read_only: bool = False,
        numbers: Mapping[Architecture, int] | None = None,
        kind: str = "full training",
    ) -> None:
        super().__init__(study, study.name or "", read_only)
        self._numbers = dict(numbers or {})
        self._kind = kind
        self.rules = tuple(study.rules)
        if study.again and not read_only:
            self._train_on()

    def _controller(self) -> ControllerLike:
        return self.search.controller

    @property
    def _is_bounded(self) -> bool:
        """A study trains what it was given, and finds what is outside by measuring."""
        return False

    def _train_on(self) -> None:
        """Let the runs that a scheduler stopped go on, from their last checkpoints."""
        asktell = self.asktell
        for trial in self.history.ended:
            if isinstance(trial.outcome, Stopped):
                asktell.reopen(trial.number)
                asktell.again(trial.number)

    def label(self, trial: Trial) -> str:
        """See `SearchRun.label`: by the number that the search has for its architecture."""
        return label_of(self._numbers.get(trial.architecture), trial.number, self._kind)

    @property
    def subject(self) -> str:
        """See `SearchRun.subject`: how many trainings it is to have."""
        return counted(self.search.limits.trials, self._kind)

    def stop(self) -> Stop | None:
        """What its rules say now; that it ran out of trainings once ends no later run."""
        return first_stop(self.rules, self.history, time.time())

    def go(self) -> SearchResult:
        """See `SearchRun.go`; where every trial has ended already, nothing is started."""
        if len(self.history.ended) < self.search.limits.trials:
            return super().go()
        return SearchResult(self.history, _ALL_ENDED, self.folder, self.space)


def study_beside(search: Search, name: str, suffix: str) -> Search:
    """A copy of `search` kept beside it, without its rules, in which no trial ends early."""
    store = beside(search.store, suffix)
    alone: dict[str, Any] = {"rules": (), "until": (), "scheduler": None, "budgets": (1.0,)}
    alone["learn_from"] = ()
    limits = replace(search.limits, trainings=None)
    return replace(search, name=name + suffix, store=store, limits=limits, **alone)


def folder_of(search: Search, name: str, suffix: str) -> Path:
    """Results folder of that study."""
    return Path(search.folder).absolute() / (name + suffix)


def open_study(
    study: Search,
    trials: int,
    parallel: int | None,
    numbers: Mapping[Architecture, int],
    kind: str = "full training",
) -> Study:
    """Open `study` to run it until it has so many trials.

    Args:
        study: What to run.
        trials: Trials in all.
        parallel: Trials at a time; None for as many as fit.
        numbers: The search's number for each architecture that it tried.
        kind: What a run of this study is called.

    Raises:
        StoreError: See `raynas.store.Store`.
    """
    limits = Limits(trials=max(1, trials), parallel=parallel)
    return Study(replace(study, limits=limits), numbers=numbers, kind=kind)


def history_of(study: Search) -> History:
    """The trials of `study`, whatever they trained; none where it does not exist yet."""
    try:
        with Study(replace(study, keep=(*study.keep, "task")), read_only=True) as run:
            return run.history
    except StoreError:
        return History()
