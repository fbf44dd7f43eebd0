"""The progress of a search in one line: trials, time, the best, what is left."""

from __future__ import annotations

import time
from collections.abc import Callable

from raynas.analysis.fronts import front_line
from raynas.trials import History, Trial

__all__ = ["ProgressLine"]


class ProgressLine:
    """Counts from now on how fast trials end.

    Args:
        limit: Trials at which the search ends at the latest.
        earlier: Trials that ended in earlier runs.
        label: Says for people which trial a trial is.
    """

    def __init__(self, limit: int, earlier: int, label: Callable[[Trial], str]) -> None:
        self._limit = limit
        self._earlier = earlier
        self._label = label
        self._start = time.monotonic()

    def words(self, history: History) -> str:
        """The number of ended trials, the time so far and left, the best, and the failures."""
        running = time.monotonic() - self._start
        ended = len(history.ended) - self._earlier
        words = [f"{len(history.ended)}/{self._limit}", _duration(running)]
        if ended:
            left = (self._limit - len(history.ended)) * running / ended
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

    def _best(self, history: History) -> str:
        if not history.completed:
            return "no reward yet"
        best = history.best(1)[0]
        if line := front_line(history):
            return line
        objective = history.objective
        figure = objective.show(best.reward or 0.0)
        return f"best {objective.name} {figure} in {self._label(best)}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
