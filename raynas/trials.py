"""What happened so far: proposals, how trials end, and the history that controllers read.

All values are frozen and hold only plain data, so that they can be stored, replayed and compared.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from heapq import nlargest
from numbers import Real
from typing import Any, Generic, TypeAlias, overload

from rpds import HashTrieSet
from typing_extensions import TypeVar

from raynas.arguments import AnyText, checked, shown
from raynas.dominance import non_dominated
from raynas.errors import ConfigurationError, printable
from raynas.notebook import MOST_ROWS, html_table
from raynas.objective import Mode, Objective
from raynas.persistent_sequence import PersistentSequence
from raynas.wording import counted

__all__ = [
    "BOUND",
    "DEFERRED",
    "MOST_POINTS",
    "Architecture",
    "Completed",
    "Failed",
    "History",
    "Infeasible",
    "Measurement",
    "Mode",
    "Outcome",
    "Point",
    "Proposal",
    "Stop",
    "Stopped",
    "Trial",
    "measurement_from_json",
    "outcome_from_json",
    "outcome_to_json",
    "thinned",
]

T = TypeVar("T")
A = TypeVar("A", default=Any)
A_co = TypeVar("A_co", covariant=True, default=Any)
BOUND = "bound"
"""`Infeasible.kind` of an architecture that was found to be outside a bound of the user's."""
DEFERRED = "deferred"
"""`Infeasible.kind` of a trial that could not be measured for now, as a device was offline."""
MOST_POINTS = 1000
"""Points of a learning curve that are kept."""

Architecture: TypeAlias = Any
"""An instance of the searchable class that the space was made from."""


@dataclass(frozen=True)
class Proposal(Generic[A_co]):
    """An architecture that a controller asked to be tried, and its number in ask order.

    Attributes:
        number: Position in ask order, from 0.
        architecture: What to try.
        budget: Length of its training, as a share of a full training; 1 where a search has a
            single budget.
    """

    number: int
    architecture: A_co
    budget: float = 1.0


@dataclass(frozen=True)
class Point:
    """Metrics after `step` optimizer steps: one point of a learning curve."""

    step: int
    metrics: Mapping[str, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", _floats(self.metrics))


@dataclass(frozen=True)
class Measurement:
    """What a task found out about an architecture.

    Attributes:
        metrics: Final values by name; NaN and infinite ones are kept as they came.
        seconds: Wall time of the trial's own work, in seconds.
        steps: Optimizer steps taken; None where the task does not train.
        curve: Intermediate metrics in the order of their steps.
        ended_early: What ended the training before its last step, in words; empty where it ran to
            its end.
    """

    metrics: Mapping[str, float]
    seconds: float = 0.0
    steps: int | None = None
    curve: tuple[Point, ...] = ()
    ended_early: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", _floats(self.metrics))
        if not _is_real(self.seconds) or not (self.steps is None or _is_real(self.steps)):
            raise ConfigurationError(
                f"seconds={shown(self.seconds)}, steps={shown(self.steps)}: must be numbers"
            )
        if not isinstance(self.curve, tuple | list):
            raise ConfigurationError(f"curve={shown(self.curve)}: must be a tuple of Points")
        object.__setattr__(self, "curve", tuple(self.curve))


def _is_real(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _floats(metrics: Mapping[str, float]) -> dict[str, float]:
    """A copy in plain floats, which can be stored, where NumPy's or torch's were given."""
    try:
        return {printable(name): float(value) for name, value in metrics.items()}
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise ConfigurationError(
            f"metrics={shown(metrics)}: must be a mapping from names to numbers"
        ) from error


@dataclass(frozen=True)
class Completed:
    """The trial ran to its end and has a finite reward; larger is better.

    Attributes:
        measurement: What the task found out.
        reward: The one number that rules, curves and single-objective controllers go by: the
            reward itself, or the first of several objectives.
        objectives: All of them, larger being better in each; ``(reward,)`` where there is one.
    """

    measurement: Measurement
    reward: float
    objectives: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        given = self.objectives if isinstance(self.objectives, tuple | list) else (None,)
        objectives = given or (self.reward,)
        if not all(map(_is_real, (self.reward, *objectives))):
            raise ConfigurationError(
                f"reward={shown(self.reward)}, objectives={shown(self.objectives)}: must be a "
                "number, and a tuple of numbers"
            )
        if not isinstance(self.measurement, Measurement):
            raise ConfigurationError(
                f"measurement={shown(self.measurement)}: must be a raynas Measurement"
            )
        object.__setattr__(self, "objectives", tuple(objectives))


@checked
@dataclass(frozen=True)
class Infeasible:
    """The architecture has no reward, for a reason of its own: NaN, too large, cannot be built.

    Attributes:
        reason: Why, in words.
        measurement: What was measured all the same.
        kind: `BOUND` where a measured metric is outside a bound that the user gave. Such a trial
            worked: it counts as no failure, and says where the feasible part of the space ends.
            `DEFERRED` where a device that measures was out of reach: no failure either, says
            nothing of the architecture, and runs once more at the next start of the search.
    """

    reason: AnyText
    measurement: Measurement | None = None
    kind: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", printable(self.reason))


@checked
@dataclass(frozen=True)
class Failed:
    """The trial broke: `error` is a traceback, or what is known about a dead worker."""

    error: AnyText

    def __post_init__(self) -> None:
        object.__setattr__(self, "error", printable(self.error))


@checked
@dataclass(frozen=True)
class Stopped:
    """The trial was ended early by `by`, a scheduler or a stop rule; no reward."""

    by: str
    measurement: Measurement | None = None


Outcome: TypeAlias = Completed | Infeasible | Failed | Stopped


@dataclass(frozen=True)
class Trial(Generic[A_co]):
    """A proposal and its outcome.

    Attributes:
        number: Position in ask order, from 0.
        architecture: What is tried.
        outcome: How it ended; None while it runs or waits to run again.
        started: Start of its latest run, in seconds since the epoch.
        ended: End of its latest run, in seconds since the epoch; None while it has no outcome.
        points: What its latest run reported so far; where it ended, see `curve`.
        budget: Budget of the training, see `Proposal.budget`.
    """

    number: int
    architecture: A_co
    outcome: Outcome | None = None
    started: float = 0.0
    ended: float | None = None
    points: tuple[Point, ...] = ()
    budget: float = 1.0

    @property
    def curve(self) -> tuple[Point, ...]:
        """The learning curve: of the measurement where there is one, else what was reported."""
        measurement = getattr(self.outcome, "measurement", None)
        return self.points if measurement is None else measurement.curve

    @property
    def ended_early(self) -> str:
        """What ended its training before the last step, see `Measurement`; empty where nothing."""
        measurement = getattr(self.outcome, "measurement", None)
        return "" if measurement is None else str(measurement.ended_early)

    @property
    def reward(self) -> float | None:
        """The reward, where the trial completed."""
        return self.outcome.reward if isinstance(self.outcome, Completed) else None

    @property
    def objectives(self) -> tuple[float, ...] | None:
        """All objectives, larger being better, where the trial completed."""
        return self.outcome.objectives if isinstance(self.outcome, Completed) else None

    @property
    def reason(self) -> str | None:
        """Why there is no reward, in one line, where the trial ended without one."""
        match self.outcome:
            case Infeasible(reason=reason):
                return reason
            case Failed(error=error):
                return error.strip().rpartition("\n")[2] or "unknown error"
            case Stopped(by=by):
                return f"stopped by {by}"
            case _:
                return None


@dataclass(frozen=True)
class Stop:
    """Why a search should end.

    Attributes:
        rule: Name of the rule.
        reason: The rule's finding as a sentence, with figures in the user's unit and direction.
        advice: What to do next, as a sentence; ``FILE`` in a command stands for the search file.
    """

    rule: str
    reason: str
    advice: str


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
        """When the earliest of the trials' latest runs began; infinite where there is none."""
        return min((trial.started for trial in self.trials), default=math.inf)

    @cached_property
    def seconds(self) -> float:
        """What the latest runs of the trials that ended took together."""
        return sum(map(_seconds, self.trials))

    @cached_property
    def cost(self) -> float:
        """What all trials cost by their budgets, in full trainings, running ones included."""
        return math.fsum(trial.budget for trial in self.trials)

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
        rewards, trials = self.rewards, tuple(self.completed)
        ranked = nlargest(count, range(len(rewards)), key=lambda i: (trials[i].budget, rewards[i]))
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
        """This history with one more trial, whose number must be its length."""
        if trial.number != len(self.trials):
            raise ValueError(f"trial number {trial.number} does not follow {len(self.trials) - 1}")
        return self._followed_by(None, trial)

    def restarted(self, number: int, started: float) -> History[A]:
        """This history with trial `number` running once more since `started`."""
        return self._with(number, started=started, points=())

    def reopened(self, number: int, started: float) -> History[A]:
        """This history with trial `number`, which had no reward, running once more."""
        return self._with(number, outcome=None, started=started, ended=None, points=())

    def reported(self, number: int, point: Point) -> History[A]:
        """This history with one more point on the curve of trial `number`, which runs."""
        return self._with(number, points=thinned((*self.trials[number].points, point)))

    def told(self, number: int, outcome: Outcome, ended: float) -> History[A]:
        """This history with trial `number` ended by `outcome`."""
        return self._with(number, outcome=outcome, ended=ended, points=())

    def _with(self, number: int, **changes: Any) -> History[A]:
        old = self.trials[number]
        return self._followed_by(old, replace(old, **changes))

    def _followed_by(self, old: Trial[A] | None, new: Trial[A]) -> History[A]:
        """This history and its views with `new` in place of `old`, or at the end."""
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


def thinned(points: tuple[T, ...]) -> tuple[T, ...]:
    """`points`, every second one or fewer where they are too many; the last one stays."""
    while len(points) > MOST_POINTS:
        points = (*points[:-1:2], points[-1])
    return points


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


_KINDS = {"completed": Completed, "infeasible": Infeasible, "failed": Failed, "stopped": Stopped}


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """`outcome` as JSON data with its type under ``"kind"``."""
    kind = next(kind for kind, cls in _KINDS.items() if isinstance(outcome, cls))
    values = asdict(outcome)
    cause = values.pop("kind", "")  # that of an infeasible trial
    return {"kind": kind, **values, **({"cause": cause} if cause else {})}


def outcome_from_json(data: Mapping[str, Any]) -> Outcome:
    """The inverse of `outcome_to_json`."""
    names = {"cause": "kind"}
    values = {names.get(key, key): value for key, value in data.items() if key != "kind"}
    if values.get("measurement") is not None:
        values["measurement"] = measurement_from_json(values["measurement"])
    outcome: Outcome = _KINDS[data["kind"]](**values)
    return outcome


def measurement_from_json(data: Mapping[str, Any]) -> Measurement:
    """The measurement whose `dataclasses.asdict` is `data`; other keys are ignored."""
    return Measurement(
        metrics=data["metrics"],
        seconds=data["seconds"],
        steps=data["steps"],
        curve=tuple(Point(**point) for point in data["curve"]),
        ended_early=data.get("ended_early", ""),
    )
