"""The history of a search: every trial in ask order, as controllers and stop rules read it."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from heapq import nlargest
from typing import Any, Generic, overload

from rpds import HashTrieSet
from typing_extensions import TypeVar

from raynas.arguments import checked_call, checked_whole
from raynas.dominance import non_dominated
from raynas.notebook import MOST_ROWS, html_table
from raynas.objective import Objective
from raynas.persistent_sequence import PersistentSequence
from raynas.trials.measurement import Point, thinned
from raynas.trials.outcome import BOUND, DEFERRED, Completed, Failed, Infeasible, Outcome, Stopped
from raynas.trials.trial import Trial
from raynas.wording import counted

__all__ = ["History"]

A = TypeVar("A", default=Any)


@dataclass(frozen=True)
class History(Sequence[Trial[A]], Generic[A]):
    """Every asked trial in ask order, running ones too. A value: changes return a new one.

    Views are computed on first use; `asked`, `restarted` and `told` carry over those that are
    there, changed by the one trial, so that a long search pays for each trial once.

    Attributes:
        trials: The trials, in the order in which they were asked.
        shown_as: Each objective as its user measures it; takes no part in comparisons.
    """

    trials: Sequence[Trial[A]] = ()
    shown_as: tuple[Objective, ...] = field(default=(Objective(),), compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "trials", PersistentSequence.of(self.trials))

    def __len__(self) -> int:
        return len(self.trials)

    def __iter__(self) -> Iterator[Trial[A]]:
        return iter(self.trials)

    @overload
    def __getitem__(self, index: int) -> Trial[A]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Trial[A]]: ...

    def __getitem__(self, index: Any) -> Any:
        return self.trials[index]

    @property
    def objective(self) -> Objective:
        """The first objective, by which stop rules and the search curve go."""
        return self.shown_as[0]

    @cached_property
    def ended(self) -> Sequence[Trial[A]]:
        """Trials that have an outcome, in ask order."""
        return self._view("ended")

    @cached_property
    def running(self) -> Sequence[Trial[A]]:
        """Trials without an outcome, in ask order."""
        return self._view("running")

    @cached_property
    def completed(self) -> Sequence[Trial[A]]:
        """Trials with a reward, in ask order."""
        return self._view("completed")

    @cached_property
    def completed_by_end(self) -> Sequence[Trial[A]]:
        """Trials with a reward in the order in which they ended, those that end later behind."""
        return PersistentSequence(sorted(self.completed, key=_ending))

    @cached_property
    def unrewarded(self) -> Sequence[Trial[A]]:
        """Trials that failed or were infeasible, in ask order."""
        return self._view("unrewarded")

    @cached_property
    def stopped(self) -> Sequence[Trial[A]]:
        """Trials that were ended early and have no reward, in ask order."""
        return self._view("stopped")

    @cached_property
    def outside(self) -> Sequence[Trial[A]]:
        """Trials found to be outside a bound of the user's, in ask order."""
        return self._view("outside")

    @cached_property
    def deferred(self) -> Sequence[Trial[A]]:
        """Trials that could not be measured for now, in ask order; see `DEFERRED`."""
        return self._view("deferred")

    @cached_property
    def failures(self) -> Sequence[Trial[A]]:
        """Trials that failed or were infeasible, but for bounds and offline devices."""
        return self._view("failures")

    @cached_property
    def rewards(self) -> tuple[float, ...]:
        """Rewards of the completed trials, in ask order."""
        return tuple(t.outcome.reward for t in self.completed if isinstance(t.outcome, Completed))

    @property
    def since_best(self) -> int:
        """How many trials have completed after the best one."""
        return len(self.rewards) - 1 - self.rewards.index(max(self.rewards)) if self.rewards else 0

    @cached_property
    def first_start(self) -> float:
        """Start of the earliest of the trials' latest runs; infinite where there is none."""
        return min((trial.started for trial in self.trials), default=math.inf)

    @property
    def latest_event(self) -> float:
        """The latest start or end of a trial, in seconds since the epoch; 0 without trials."""
        return max((trial.ended or trial.started for trial in self.trials), default=0.0)

    @cached_property
    def seconds(self) -> float:
        """What the latest runs of the trials that ended took together."""
        return sum(map(_seconds, self.trials))

    @cached_property
    def cost(self) -> float:
        """What all trials cost by their budgets, in full trainings, running ones included."""
        return math.fsum(trial.budget for trial in self.trials)

    @checked_call
    def at_budget(self, budget: float) -> History[A]:
        """The trials of one budget, under their own numbers."""
        kept = tuple(trial for trial in self.trials if trial.budget == budget)
        return History(kept, self.shown_as)

    @property
    def architectures(self) -> Set[A]:
        """All architectures asked so far, in no order."""
        return self._architectures

    @cached_property
    def _architectures(self) -> HashTrieSet[A]:
        return HashTrieSet(trial.architecture for trial in self.trials)

    def _view(self, name: str) -> Sequence[Trial[A]]:
        return PersistentSequence(filter(_VIEWS[name], self.trials))

    def _repr_html_(self) -> str:
        """How the trials ended, and the best of them or the front."""
        kinds = Counter(type(trial.outcome).__name__.lower() for trial in self.ended)
        kinds["running"] = len(self.running)
        ends = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)
        several = len(self.shown_as) > 1
        trials = self.front()[:MOST_ROWS] if several else self.best(MOST_ROWS)
        words = f"{counted(len(self), 'trial')}{': ' if ends else ''}{ends}"
        names = [objective.name for objective in self.shown_as]
        budgets = ("budget",) if self.comparable is not self else ()
        rows = [
            (
                trial.number,
                *(f"{trial.budget:.3g}" for _ in budgets),
                *(o.show(x) for o, x in zip(self.shown_as, trial.objectives or (), strict=False)),
                trial.architecture,
            )
            for trial in trials
        ]
        return html_table(words, ("trial", *budgets, *names, "architecture"), rows)

    def best(self, count: int) -> tuple[Trial[A], ...]:
        """The `count` completed trials of highest reward, best first, earlier ones at ties.

        Rewards at different budgets cannot be compared: trials of a higher budget come first.
        """
        most = checked_whole("count", count)
        rewards, trials = self.rewards, tuple(self.completed)
        ranked = nlargest(most, range(len(rewards)), key=lambda i: (trials[i].budget, rewards[i]))
        return tuple(self.completed[index] for index in ranked)

    @cached_property
    def comparable(self) -> History[A]:
        """The trials whose rewards can be compared: of the budget at which most have completed.

        This history itself where all trials have one budget. Numbers stay those of the search.
        """
        if len({trial.budget for trial in self}) < 2:
            return self
        completed = Counter(trial.budget for trial in self.completed)
        most = max({trial.budget for trial in self}, key=lambda one: (completed[one], one))
        return History(tuple(trial for trial in self if trial.budget == most), self.shown_as)

    def label(self, trial: Trial[Any]) -> str:
        """Words for a trial: ``"trial 3"``, with its budget where there are several."""
        budget = "" if self.comparable is self else f", budget {trial.budget:.3g}"
        return f"trial {trial.number}{budget}"

    def front(self) -> tuple[Trial[A], ...]:
        """The completed trials that no other one dominates, in ask order.

        One trial dominates another if it is as good in every objective and better in one. With a
        single objective, these are the trials of the highest reward.
        """
        kept = non_dominated([trial.objectives or () for trial in self.completed])
        return tuple(self.completed[index] for index in kept)

    def asked(self, trial: Trial[A]) -> History[A]:
        """A copy of this history with one more trial, whose number must be its length."""
        if trial.number != len(self.trials):
            raise ValueError(f"trial number {trial.number} does not follow {len(self.trials) - 1}")
        return self._followed_by(None, trial)

    def restarted(self, number: int, started: float) -> History[A]:
        """A copy of this history with trial `number` running once more since `started`."""
        return self._with(number, started=started, points=())

    def reopened(self, number: int, started: float) -> History[A]:
        """A copy of this history with trial `number`, which had no reward, running once more."""
        return self._with(number, outcome=None, started=started, ended=None, points=())

    def reported(self, number: int, point: Point) -> History[A]:
        """A copy of this history with one more point on the curve of trial `number`, which runs."""
        return self._with(number, points=thinned((*self.trials[number].points, point)))

    def told(self, number: int, outcome: Outcome, ended: float) -> History[A]:
        """A copy of this history with trial `number` ended by `outcome`."""
        return self._with(number, outcome=outcome, ended=ended, points=())

    def _with(self, number: int, **changes: Any) -> History[A]:
        old = self.trials[number]
        return self._followed_by(old, replace(old, **changes))

    def _followed_by(self, old: Trial[A] | None, new: Trial[A]) -> History[A]:
        """A copy of this history and its views with `new` in place of `old`, or at the end."""
        history = History(_changed(self.trials, lambda _: True, old, new), self.shown_as)
        views = vars(history)
        for name, belongs in _VIEWS.items():
            if name in vars(self):
                views[name] = _changed(vars(self)[name], belongs, old, new)
        if "_architectures" in vars(self):
            known = self._architectures
            views["_architectures"] = known.insert(new.architecture) if old is None else known
        if "first_start" in vars(self) and (old is None or old.started > self.first_start):
            views["first_start"] = min(self.first_start, new.started)
        if "seconds" in vars(self):
            views["seconds"] = self.seconds + _seconds(new) - (_seconds(old) if old else 0.0)
        if not isinstance(getattr(old, "outcome", None), Completed):
            views |= self._rewarded_views(new)
        return history

    def _rewarded_views(self, new: Trial) -> dict[str, Any]:
        """The views of completed trials that are there, with `new` if it is one of these now."""
        views = {}
        given = (new.outcome.reward,) if isinstance(new.outcome, Completed) else ()
        if {"rewards", "completed"} <= vars(self).keys():
            place = bisect_left(self.completed, new.number, key=lambda trial: trial.number)
            views["rewards"] = self.rewards[:place] + given + self.rewards[place:]
        by_end = vars(self).get("completed_by_end")
        if by_end is not None and (not given or not by_end or _ending(by_end[-1]) < _ending(new)):
            last = len(by_end)
            views["completed_by_end"] = by_end.spliced(last, last, (new,) if given else ())
        return views


def _ending(trial: Trial) -> tuple[float, int]:
    """What sorts trials by their ends, and those that ended at the same time by their numbers."""
    return trial.ended or 0.0, trial.number


def _seconds(trial: Trial) -> float:
    return 0.0 if trial.ended is None else trial.ended - trial.started


def _is_infeasible(kind: str) -> Callable[[Trial], bool]:
    def is_of_kind(trial: Trial) -> bool:
        return isinstance(trial.outcome, Infeasible) and trial.outcome.kind == kind

    return is_of_kind


_VIEWS: dict[str, Callable[[Trial], bool]] = {
    "ended": lambda trial: trial.outcome is not None,
    "running": lambda trial: trial.outcome is None,
    "completed": lambda trial: isinstance(trial.outcome, Completed),
    "unrewarded": lambda trial: isinstance(trial.outcome, Failed | Infeasible),
    "stopped": lambda trial: isinstance(trial.outcome, Stopped),
    "outside": _is_infeasible(BOUND),
    "deferred": _is_infeasible(DEFERRED),
    "failures": lambda trial: (
        isinstance(trial.outcome, Failed | Infeasible)
        and getattr(trial.outcome, "kind", "") not in (BOUND, DEFERRED)
    ),
}


def _changed(
    view: Sequence[Trial], belongs: Callable[[Trial], bool], old: Trial | None, new: Trial
) -> Sequence[Trial]:
    """`view`, in the order of numbers, with `new` where it belongs in place of `old`."""
    was = old is not None and belongs(old)
    if not was and not belongs(new):
        return view
    place = bisect_left(view, new.number, key=lambda trial: trial.number)
    given = (new,) if belongs(new) else ()
    return PersistentSequence.of(view).spliced(place, place + was, given)
