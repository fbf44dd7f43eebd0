"""Studies beside that of a search, which may still be running: what stages after it are kept in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from raynas.errors import StoreError
from raynas.search import Limits, Search, SearchResult, SearchRun
from raynas.store import beside
from raynas.trials import History, Stop

__all__ = ["Study", "folder_of", "history_of", "open_study", "study_beside"]

_ALL_ENDED = Stop("all trained", "every training has ended", "look at what they say")


class Study(SearchRun):
    """An open study beside that of a search: no rule stops it but those it was given."""

    def __init__(self, study: Search, read_only: bool = False) -> None:
        super().__init__(study, study.name or "", read_only)
        self.rules = tuple(study.rules)
        self._searcher.rules = self.rules

    def go(self) -> SearchResult:
        """See `SearchRun.go`; where every trial has ended already, nothing is started."""
        if len(self.history.ended) < self.search.limits.trials:
            return super().go()
        return SearchResult(self.history, _ALL_ENDED, self.folder, self.space)


def study_beside(search: Search, name: str, suffix: str) -> Search:
    """Like `search`, but kept beside it, without its rules, and with no trial ended early."""
    store = beside(search.store, suffix)
    return replace(search, name=name + suffix, store=store, rules=(), until=(), scheduler=None)


def folder_of(search: Search, name: str, suffix: str) -> Path:
    """Where the results of that study are."""
    return Path(search.folder).absolute() / (name + suffix)


def open_study(study: Search, trials: int, parallel: int | None) -> Study:
    """Open `study` to run it until it has so many trials.

    Raises:
        StoreError: See `raynas.store.Store`.
    """
    limits = Limits(trials=max(1, trials), parallel=parallel)
    return Study(replace(study, limits=limits))


def history_of(study: Search) -> History:
    """The trials of `study`, whatever they were told to do; none where it does not exist yet."""
    try:
        with Study(replace(study, keep=(*study.keep, "task")), read_only=True) as run:
            return run.history
    except StoreError:
        return History()
