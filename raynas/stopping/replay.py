"""Findings of stop rules at earlier moments of a history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from raynas.stopping.base import StopRule
from raynas.trials import History, Stop

__all__ = ["Moment", "along", "as_of"]


@dataclass(frozen=True)
class Moment:
    """The rules at one moment of a search.

    Attributes:
        ended: How many trials had ended.
        number: Number of the trial that had just ended.
        states: What each rule's `state` was.
        progress: How near each rule was to a stop, from 0 to 1.
        stops: What each rule found.
    """

    ended: int
    number: int
    states: tuple[str, ...]
    progress: tuple[float, ...]
    stops: tuple[Stop | None, ...]


def as_of(history: History, moment: float) -> History:
    """`history` as it was at `moment`, in seconds since the epoch.

    A trial that was interrupted and ran again counts as asked when it last started, unless one
    with a higher number was asked before.
    """
    asked = max((t.number + 1 for t in history if t.started <= moment), default=0)
    trials = tuple(
        trial
        if trial.ended is not None and trial.ended <= moment
        else replace(trial, outcome=None, ended=None)
        for trial in history.trials[:asked]
    )
    return History(trials, history.shown_as)


def along(rules: Sequence[StopRule], history: History, points: int = 50) -> list[Moment]:
    """`rules` at up to `points` moments, evenly spaced over the trials that ended, last included.

    Costs `points` times what the rules do.
    """
    ended = sorted(history.ended, key=lambda trial: trial.ended or 0.0)
    count = min(points, len(ended))
    moments = []
    for place in (round((index + 1) * len(ended) / count) - 1 for index in range(count)):
        last = ended[place]
        now = last.ended or 0.0
        then = as_of(history, now)
        moments.append(
            Moment(
                place + 1,
                last.number,
                tuple(rule.state(then, now) for rule in rules),
                tuple(rule.progress(then, now) for rule in rules),
                tuple(rule.check(then, now) for rule in rules),
            )
        )
    return moments
