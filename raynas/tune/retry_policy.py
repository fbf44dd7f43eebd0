"""Retry policy: whether a trial that crashed or ran out of memory runs again, alone, or fails."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raynas.errors import printable, raised_in
from raynas.trials import Failed, Infeasible, Outcome
from raynas.tune.worker_monitor import forget_word, last_word

__all__ = ["Again", "Care"]

_MOST_LOST_NODES = 20
"""Spot machines vanish often, and not through the trial's fault; ends loops all the same."""
_NODE_WORDS = (
    "node has died",
    "node was terminated",
    "node is dead",
    "node died",
    "is unavailable",
)
_MEMORY_WORDS = ("running low on memory",)
_RAISED = "ray::"  # how Ray begins the traceback of another process


@dataclass(frozen=True)
class Again:
    """The trial is not over: it runs once more, from its last checkpoint where it has one.

    Attributes:
        why: What happened to this run.
        alone: Whether it is to run with a whole device, with no other trial beside it.
        log: The end of what it printed.
    """

    why: str
    alone: bool = False
    log: str = ""


@dataclass(frozen=True)
class _Death:
    kind: str
    why: str
    log: str = ""


@dataclass
class Care:
    """Remembers, for the trials in flight, how often they ran and why they ended.

    Attributes:
        token: Key under which workers report that they live; see `raynas.tune.worker_monitor`.
        runs: Why the earlier runs of each trial ended, by the trial's number.
        alone: Numbers of trials that wait to run with a whole device.
        stopped_by: Name of the scheduler that ended each of Tune's trials.
        began: Time at which each of Tune's trials was first seen running.
        forget: Called with the number of each trial that is over.
    """

    token: str = ""
    runs: dict[int, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    alone: deque[int] = field(default_factory=deque)
    stopped_by: dict[str, str] = field(default_factory=dict)
    began: dict[str, float] = field(default_factory=dict)
    forget: Any = None
    _deaths: dict[str, _Death] = field(default_factory=dict)
    _alone_in: str | None = None

    def must_wait(self, in_flight: Mapping[str, int]) -> bool:
        """Whether nothing may start now: a trial runs alone, or is about to."""
        if self._alone_in in in_flight:
            return True
        self._alone_in = None
        return bool(self.alone and in_flight)

    def next_alone(self, trial_id: str) -> int | None:
        """The number of the trial that is to run alone now, as `trial_id`."""
        if not self.alone:
            return None
        self._alone_in = trial_id
        return self.alone.popleft()

    def late(self, trial_id: str, why: str) -> None:
        """Keep why a trial is being ended."""
        self._deaths[trial_id] = _Death("late", why)

    def heard(self, number: int) -> float | None:
        """Latest sign of life of a trial's worker, in seconds since the epoch."""
        at = last_word(self.token, number).get("at")
        return None if at is None else float(at)

    def begun(self, number: int) -> float | None:
        """Start of a trial in its worker, in seconds since the epoch."""
        begun = last_word(self.token, number).get("begun")
        return None if begun is None else float(begun)

    def died(self, trial_id: str, number: int, error: str) -> None:
        """Keep why the worker of a trial died."""
        word = last_word(self.token, number) if self.token else {}
        log = str(word.get("log", ""))
        known = self._deaths.get(trial_id)
        text = error.lower()
        if known is not None:
            death = _Death(known.kind, known.why, log)
        elif "verdict" in word:
            death = _Death(str(word["verdict"]), str(word["why"]), log)
        elif any(words in text for words in _NODE_WORDS):
            death = _Death("node", "its machine was lost or out of reach", log)
        elif any(words in text for words in _MEMORY_WORDS):
            death = _Death("memory", "Ray ended the worker, as the machine ran out of memory", log)
        elif _RAISED in error:
            death = _Death("worker", f"its worker raised {raised_in(error)}", log)
        else:
            death = _Death("worker", "its worker process died", log)
        self._deaths[trial_id] = death

    def after_death(self, trial_id: str, number: int) -> Outcome | Again:
        """The decision for a trial whose worker died."""
        self.began.pop(trial_id, None)
        death = self._deaths.pop(trial_id, None)
        if death is None:  # In a Tuner of somebody else's, whose own limits on retries hold.
            return Failed(
                "its trainable raised an error, or its worker process died: see error.txt in the "
                "trial's folder of Ray's results"
            )
        before = Counter(run["kind"] for run in self.runs[number])
        if death.kind == "memory":
            return self.after_memory(number, death.why, death.log)
        said = _said(death.log)
        if death.kind == "late":
            return Failed(f"{said}{death.why}{_last(death.log)}")
        limit = 1 if death.kind == "worker" else _MOST_LOST_NODES
        if before[death.kind] < limit:
            return self._again(number, death.kind, death.why, death.log)
        times = before[death.kind] + 1
        return Failed(f"{said}{death.why} {times} times{_last(death.log)}")

    def after_memory(self, number: int, why: str, log: str = "") -> Outcome | Again:
        """The decision for a trial that ran out of memory."""
        if not any(run["kind"] == "memory" for run in self.runs[number]):
            self.alone.append(number)
            return self._again(number, "memory", f"out of memory: {why}", log, alone=True)
        return Infeasible(f"out of memory, also alone with a whole device: {why}")

    def over(self, trial_id: str, number: int, keep: bool = False) -> None:
        """Forget a trial that ended; with `keep`, not its checkpoint, to go on from some day."""
        long = self.began.pop(trial_id, None) is not None
        self._deaths.pop(trial_id, None)
        if self.forget is not None and not keep:
            self.forget(number)
        if self.token and (long or number in self.runs):
            forget_word(self.token, number)
        self.runs.pop(number, None)

    def _again(self, number: int, kind: str, why: str, log: str, alone: bool = False) -> Again:
        why = printable(why)
        self.runs[number].append({"kind": kind, "why": why})
        if self.token:
            forget_word(self.token, number)
        return Again(why, alone, log)


def _said(log: str) -> str:
    return f"It had printed:\n{log.rstrip()}\n" if log.strip() else ""


def _last(log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()][-1:]
    return f"; its last output: {lines[0].strip()}" if lines else ""
