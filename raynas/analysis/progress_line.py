"""The progress of a search in one line: trials, time, the best, what is left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from raynas.analysis.fronts import front_line
from raynas.trials import History, Trial
from raynas.wording import counted

__all__ = ["ProgressLine"]


class ProgressLine:
    """Counts from now on how fast trials end.

    Args:
        limit: Trials at which the search ends at the latest.
        earlier: Trials of earlier runs.
        label: Says for people which trial a trial is.
        trainings: Cost in full trainings at which a search over budgets ends; None without one.
    """

    def __init__(
        self,
        limit: int,
        earlier: History,
        label: Callable[[Trial], str],
        trainings: float | None = None,
    ) -> None:
        self._limit = limit
        self._trainings = trainings
        self._label = label
        self._before = self.share(earlier)
        self._start = time.monotonic()

    def share(self, history: History) -> float:
        """The share of the limit on trials, or on their cost if there is one, that is used."""
        if self._trainings is None:
            return len(history.ended) / self._limit
        return _cost(history) / self._trainings

    def words(self, history: History) -> str:
        """The number of ended trials, the time so far and left, the best, and the failures."""
        running = time.monotonic() - self._start
        used = self.share(history)
        words = [self._used(history), _duration(running)]
        if used > self._before:
            left = max(0.0, 1 - used) * running / (used - self._before)
            words[1] += f", about {_duration(left)} to the limit"
        words.append(self._best(history))
        words.append(f"{len(history.running)} running")
        if history.failures:
            words.append(f"{len(history.failures)} without reward")
        if history.outside:
            words.append(f"{len(history.outside)} outside bounds")
        if history.deferred:
            words.append(f"{len(history.deferred)} wait for a device")
        return ", ".join(words)

    def _used(self, history: History) -> str:
        if self._trainings is None:
            return f"{len(history.ended)}/{self._limit}"
        cost = f"cost {_cost(history):.2f}/{self._trainings:g} full trainings"
        return f"{counted(len(history.ended), 'trial')}, {cost}"

    def _best(self, history: History) -> str:
        if not history.completed:
            return "no reward yet"
        best = history.best(1)[0]
        if line := front_line(history):
            return line
        objective = history.objective
        figure = objective.show(best.reward or 0.0)
        return f"best {objective.name} {figure} in {self._label(best)}"


def _cost(history: History) -> float:
    return math.fsum(trial.budget for trial in history.ended)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
