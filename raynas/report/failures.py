"""Trials without a reward, grouped by cause, and the choices that go with them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from raynas.report.markup import Node, Tag, table, tag
from raynas.space import Space
from raynas.trials import BOUND, DEFERRED, Failed, History, Trial
from raynas.two_samples import chance_of_more
from raynas.wording import counted

__all__ = ["Cause", "Suspect", "cause_of", "causes", "failure_nodes", "suspects"]

_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\d+(\.\d+)?([eE][-+]?\d+)?")
_EXAMPLES = 6  # numbers in a cell
_MOST_SUSPECTS = 5  # rows
_LEAST_TRIED = 5  # fewer trials of a value say nothing of it
_LIKELY_CHANCE = 0.01  # one false suspect in a hundred reports, divided by the choices


@dataclass(frozen=True)
class Cause:
    """Trials that ended alike.

    Attributes:
        kind: ``"failed"``, ``"infeasible"`` or ``"outside bounds"``.
        reason: Reason of the first such trial, in one line.
        trials: All of them, in ask order.
    """

    kind: str
    reason: str
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Suspect:
    """A value of a choice that ends without reward more often than the rest.

    Attributes:
        choice: Choice and option, as ``path = value``.
        bad: Trials with it that have no reward.
        tried: All ended trials with it.
        chance: Probability of as many by chance, without correction for how many were looked at.
    """

    choice: str
    bad: int
    tried: int
    chance: float


def cause_of(trial: Trial) -> str:
    """What trials that ended for the same cause have in common: the reason without its figures."""
    return _NUMBERS.sub("#", trial.reason or "")


def causes(history: History) -> list[Cause]:
    """The unrewarded trials by cause, the commonest first."""
    groups: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for trial in history.unrewarded:
        groups[_kind(trial), cause_of(trial)].append(trial)
    found = [Cause(kind, ts[0].reason or "", tuple(ts)) for (kind, _), ts in groups.items()]
    return sorted(found, key=lambda cause: -len(cause.trials))


def _kind(trial: Trial) -> str:
    if isinstance(trial.outcome, Failed):
        return "failed"
    return _KINDS.get(getattr(trial.outcome, "kind", ""), "infeasible")


_KINDS = {BOUND: "outside bounds", DEFERRED: "device offline"}


def suspects(history: History, space: Space[Any]) -> list[Suspect]:
    """Values that go with failures more often than chance would have it (Fisher's exact test)."""
    if not history.failures or not history.completed:
        return []
    bad = Counter(_values(history.failures, space))
    good = Counter(_values(history.completed, space))
    all_bad, all_good = len(history.failures), len(history.completed)
    found = []
    for value, count in bad.items():
        if count + good[value] < _LEAST_TRIED:
            continue
        chance = chance_of_more((count, all_bad), (good[value], all_good))
        if chance < _LIKELY_CHANCE / len(bad):
            found.append(Suspect(value, count, count + good[value], chance))
    return sorted(found, key=lambda suspect: suspect.chance)[:_MOST_SUSPECTS]


def failure_nodes(history: History, space: Space[Any]) -> list[Tag]:
    """The causes with an error text each, and the suspects."""
    groups = causes(history)
    if not groups:
        return [tag("p", "No trial failed or was infeasible.")]
    share = len(history.unrewarded) / len(history.ended)
    nodes = [
        tag(
            "p",
            f"{len(history.unrewarded)} of {counted(len(history.ended), 'trial')} ({share:.1%}) "
            f"ended without a reward, for {counted(len(groups), 'cause')}."
            + _of_bounds(history)
            + _of_devices(history),
        ),
        table(
            ("trials", "how", "cause", "such as"),
            ([str(len(g.trials)), g.kind, _cause(g), _examples(g)] for g in groups),
            numeric=(0,),
        ),
    ]
    if found := suspects(history, space):
        nodes += [
            tag("h3", "Choices that go with it"),
            table(
                ("choice", "without reward", "of all others", "chance"),
                (
                    [
                        tag("code", s.choice),
                        f"{s.bad} of {s.tried} ({s.bad / s.tried:.0%})",
                        _of_others(history, s),
                        f"{s.chance:.1g}",
                    ]
                    for s in found
                ),
                numeric=(1, 2, 3),
            ),
        ]
    return nodes


def _of_bounds(history: History) -> str:
    if not history.outside:
        return ""
    return (
        f" Measured to be outside a bound: {counted(len(history.outside), 'trial')}, which is no "
        "failure, as the controller learns from it where the bound runs."
    )


def _of_devices(history: History) -> str:
    if not history.deferred:
        return ""
    return (
        f" {len(history.deferred)} could not be measured, as a device was offline: they run once "
        "more at the next start of the search."
    )


def _of_others(history: History, suspect: Suspect) -> str:
    bad = len(history.failures) - suspect.bad
    tried = len(history.failures) + len(history.completed) - suspect.tried
    return f"{bad} of {tried} ({bad / tried if tried else 0:.0%})"


def _cause(cause: Cause) -> Node:
    outcome = cause.trials[0].outcome
    if not isinstance(outcome, Failed) or "\n" not in outcome.error.strip():
        return cause.reason
    return tag("details", tag("summary", cause.reason), tag("pre", outcome.error))


def _examples(cause: Cause) -> str:
    shown = ", ".join(str(trial.number) for trial in cause.trials[:_EXAMPLES])
    trials = "trial" if len(cause.trials) == 1 else "trials"
    return f"{trials} {shown}{' …' if len(cause.trials) > _EXAMPLES else ''}"


def _values(trials: Sequence[Trial], space: Space[Any]) -> list[str]:
    return [
        f"{path} = {value}"
        for trial in trials
        for path, value in space.to_config(trial.architecture).items()
    ]
