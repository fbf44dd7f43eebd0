"""A search followed while it runs: what changed since a reader last looked, and parts made once.

Several readers may look at once, each at its own pace; what is dear to make is made seldom.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from raynas.analysis.fronts import values_of
from raynas.analysis.search_view import SearchView
from raynas.objective import Objective
from raynas.report.sections import Section, section
from raynas.trials import Trial

__all__ = ["Changes", "Follower", "row_of"]

_SECONDS_BETWEEN_LOOKS = 0.5  # several windows share a look
_PAUSE_FACTOR = 20.0  # keeps the server below 5 % of a core
_LONGEST_SHOWN = 400  # characters of a cell


@dataclass(frozen=True)
class Changes:
    """What a reader has to change.

    Attributes:
        stamp: Stamp that the next request sends.
        added: Rows of trials that are new to the reader.
        updated: Rows of trials that it knows and that ended since.
        all: Whether `added` is everything, as the reader's stamp meant nothing.
    """

    stamp: str
    added: tuple[dict[str, Any], ...]
    updated: tuple[dict[str, Any], ...]
    all: bool


class Follower:
    """Follows a search for the readers of a dashboard. Safe to use from several threads.

    Args:
        look: Gives the search as it is now; reads only what is new.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(
        self, look: Callable[[], SearchView], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look = look
        self._clock = clock
        self._lock = threading.RLock()
        self._instance = uuid4().hex[:8]
        self._log: list[int] = []
        self._rows: list[dict[str, Any]] = []
        self._parts: dict[str, _Made] = {}
        self._view = look()
        self._looked = clock()
        self._note(self._view)

    def view(self) -> SearchView:
        """The search as it is, at most half a second old."""
        with self._lock:
            if self._clock() - self._looked > _SECONDS_BETWEEN_LOOKS:
                before = self._view.history
                self._view = self._look()
                self._looked = self._clock()
                if self._view.history is not before:
                    self._note(self._view)
            return self._view

    def changes(self, since: str | None) -> Changes:
        """The rows that changed since the stamp `since`, or all of them."""
        self.view()
        with self._lock:
            stamp = f"{self._instance}:{len(self._log)}"
            instance, _, at = (since or "").partition(":")
            if instance != self._instance or not at.isdecimal():
                return Changes(stamp, tuple(self._rows), (), True)
            recent = self._log[int(at) :]
            earlier = set(self._log[: int(at)]) if recent else set()
            numbers = sorted(set(recent))
            return Changes(
                stamp,
                tuple(self._rows[n] for n in numbers if n not in earlier),
                tuple(self._rows[n] for n in numbers if n in earlier),
                False,
            )

    def part(self, key: str) -> tuple[Section, str]:
        """A section of the report, and a stamp that changes when it does.

        One that took t seconds to make is not made again within 20 t, so that readers never keep
        the machine from the search.
        """
        view = self.view()
        with self._lock:
            made = self._parts.get(key)
            now = self._clock()
            at = (len(self._log), *self._state_of(view))
            if made and (made.at == at or now < made.again):
                return made.part, made.stamp
            part = section(view, key, made.part if made else None)
            spent = self._clock() - now
            made = _Made(
                part,
                f"{self._instance}:{key}:{hash(at)}",
                at,
                now + spent + _PAUSE_FACTOR * spent,
            )
            self._parts[key] = made
            return made.part, made.stamp

    def trial(self, number: int) -> Trial | None:
        """Trial `number`, if there is one."""
        history = self.view().history
        return history[number] if 0 <= number < len(history) else None

    @staticmethod
    def _state_of(view: SearchView) -> tuple[object, ...]:
        """What the parts depend on besides the trials."""
        full = 0 if view.full is None else len(view.full.ended)
        return (full, *view.notices)

    def _note(self, view: SearchView) -> None:
        """Write down which trials are new or have ended."""
        for trial in self._changed(view.history):
            row = row_of(trial, view.objectives)
            if trial.number < len(self._rows):
                self._rows[trial.number] = row
            else:
                self._rows.append(row)
            self._log.append(trial.number)

    def _changed(self, trials: Iterable[Trial]) -> Iterable[Trial]:
        for trial in trials:
            known = self._rows[trial.number] if trial.number < len(self._rows) else None
            if known is None or (known["outcome"] == "running" and trial.outcome is not None):
                yield trial


@dataclass(frozen=True)
class _Made:
    part: Section
    stamp: str
    at: tuple[object, ...]
    again: float


def row_of(trial: Trial, objectives: Sequence[Objective]) -> dict[str, Any]:
    """A trial as a row of the dashboard's table, its objectives as people read them."""
    measurement = getattr(trial.outcome, "measurement", None)
    shown = repr(trial.architecture)
    return {
        "id": str(trial.number),
        "number": trial.number,
        "outcome": "running" if trial.outcome is None else type(trial.outcome).__name__.lower(),
        **{f"objective{place}": value for place, value in enumerate(values_of(trial, objectives))},
        "budget": trial.budget,
        "seconds": measurement.seconds if measurement else None,
        "parameters": measurement.metrics.get("parameters") if measurement else None,
        "reason": trial.reason,
        "architecture": shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}…",
    }
