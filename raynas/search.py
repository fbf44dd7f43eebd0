"""Stage 1: puts space, controller, task, reward, rules, store and Tune together."""

from __future__ import annotations

import math
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from html import escape
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic
from uuid import uuid4

from typing_extensions import TypeVar

from raynas.analysis.progress_line import ProgressLine
from raynas.analysis.provenance import of_now, record_run
from raynas.analysis.units import bound_words
from raynas.arguments import checked, shown
from raynas.asktell import BUDGETS, LEARN_FROM, AskTell
from raynas.controllers.budgets import checked_budgets
from raynas.controllers.by_name import ControllerLike, make_controller, make_multi_budget
from raynas.controllers.earlier_search import learned_identity
from raynas.controllers.feasible import FeasibleSpace, within_bounds
from raynas.errors import ConfigurationError, RaynasError
from raynas.notebook import live_text
from raynas.redaction import scrubbed, secret_values
from raynas.rewards import Bound, Metric, Reward, check_shown
from raynas.rewards.bounds import bounds_in
from raynas.space import Space
from raynas.stopping import (
    Convergence,
    DeviceOffline,
    DeviceTimeLimit,
    FailedLimit,
    FailureShare,
    ImprovementLeft,
    MoneyLimit,
    NoConvergence,
    SpaceExhausted,
    StopRule,
    TimeLimit,
    TrainingLimit,
    TrialLimit,
    default_rules,
    first_stop,
    until,
)
from raynas.store import earlier_searches
from raynas.stored import Look, Notes, write_snapshot
from raynas.stored.look import JOURNAL, STORE_VARIABLE
from raynas.tasks import Task
from raynas.tasks.budgeted import BUDGET, budgeted
from raynas.tasks.log import announce
from raynas.tasks.meters.measured import bounds_of
from raynas.trials import History, Measurement, Stop, Stopped, Trial
from raynas.tune.resources import Resources
from raynas.wording import counted, shown_architectures

if TYPE_CHECKING:
    import pandas as pd

    from raynas.store import Again, StoreLike
    from raynas.tune.searcher import NASSearcher

__all__ = ["KEPT", "Limits", "Search", "SearchResult", "SearchRun", "script_name"]

_FOLDER = "raynas-results"
_CHECKPOINTS = "checkpoints"
_CHECKPOINTS_VARIABLE = "RAYNAS_CHECKPOINTS"
A = TypeVar("A", default=Any)

KEPT = ("reward", "task", "seed")
"""What may change without making it another search; see `Search.keep`."""


@checked
@dataclass(frozen=True)
class Limits:
    """When a search ends at the latest (T4), and how much of it runs at once.

    Args:
        trials: Trials in all.
        trainings: What all trials may cost together, in full trainings, where a search has several
            budgets; None for no limit.
        parallel: Trials at a time; None for as many as fit on the machine or cluster.
        failed: Trials without a valid reward; None for a third of `trials`.
        hours: Wall time during which trials run.
        device_hours: Hours of all trials together, times the devices of each: GPUs where a trial
            reserves any, CPUs otherwise; None for no limit.
        money: What the device hours may cost; None for no limit.
        price: Price of one device hour, in the currency of `money`.
        trial_minutes: Minutes that a run of a trial may take, after which it has failed; None for
            no limit.
        silent_minutes: Minutes in which a trial neither reports nor prints anything, after which
            it has failed; None for no limit.

    Raises:
        ConfigurationError: A limit is not positive, or there is one on money without a price.
    """

    trials: int = 5000
    parallel: int | None = None
    failed: int | None = None
    hours: float = 14 * 24.0
    device_hours: float | None = None
    money: float | None = None
    price: float | None = None
    trial_minutes: float | None = None
    silent_minutes: float | None = None
    trainings: float | None = None

    def __post_init__(self) -> None:
        for name in ("trials", "parallel", "failed"):
            value = getattr(self, name)
            if value is None and name != "trials":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigurationError(
                    f"limits {name}={value!r}: must be a whole number from 1 on"
                )
        for name in (
            *("hours", "device_hours", "money", "price", "trial_minutes", "silent_minutes"),
            "trainings",
        ):
            value = getattr(self, name)
            if value is None and name != "hours":
                continue
            if not isinstance(value, int | float) or not value > 0:
                raise ConfigurationError(f"limits {name}={value!r}: must be above 0")
        if self.money is not None and self.price is None:
            raise ConfigurationError(
                f"limits money={self.money:g} without a price: give price=, that of a device hour"
            )

    def rules(self, devices: float = 1.0, least: float = 1.0) -> tuple[StopRule, ...]:
        """The limits as stop rules.

        Args:
            devices: How many devices each trial reserves.
            least: The lowest budget of a trial.
        """
        failed = math.ceil(self.trials / 3) if self.failed is None else self.failed
        rules: list[StopRule] = [FailedLimit(failed), DeviceOffline(), TimeLimit(self.hours)]
        if self.device_hours is not None:
            rules.append(DeviceTimeLimit(self.device_hours, devices))
        if self.money is not None and self.price is not None:
            rules.append(MoneyLimit(self.money, self.price, devices))
        if self.trainings is not None:
            rules.append(TrainingLimit(self.trainings, least))
        return (*rules, TrialLimit(self.trials))


@checked
@dataclass(frozen=True)
class Search(Generic[A]):
    """An architecture search: what to search, how to try it, and when to end.

    Args:
        space: A searchable class, or its `Space`.
        task: Tries an architecture.
        reward: Computes the reward from a measurement; the task's metric by default.
        controller: A name such as ``"auto"``, or what makes a controller from a space.
        rules: Stop rules besides the limits; None for those of `raynas.stopping.default_rules`.
        resources: What each trial reserves.
        limits: When the search ends at the latest.
        seed: Whole number from 0 on; determines proposals and the trials' randomness.
        name: Name of the search in its store; by default the name of its file.
        folder: Where results go.
        store: Journal file, database URL or Optuna storage; by default what the environment
            variable `RAYNAS_STORE` says, as on a cluster's head, or a journal file under `folder`.
        full: The full training of stage 2, see `raynas.full_training`; by default the task itself
            on all of the training data.
        allow: Training settings, such as ``"learning_rate"``, that the space may search all the
            same; see `raynas.space.guidelines`.
        keep: What may have changed since the search began: ``"reward"``, of which earlier rewards
            are computed anew from the stored measurements, ``"task"`` and ``"seed"``. Without it
            a changed search is refused. What had no reward under another task is tried once more.
        again: Try once more what has ended without a reward, under the same numbers. Where the
            search has changed, set its results aside and begin anew; ``"all"`` always does.
        until: Rules up to which the search goes on, by the names that stops show: others do not
            end it, but for the limits on trials, time and money; see `raynas.stopping.until`.
        scheduler: Ends bad trials early, over what the task reports: ``"asha"``, ``"hyperband"``,
            ``"median"``, or a scheduler of `ray.tune`; None lets every trial run to its end.
        callbacks: ``"tensorboard"``, ``"mlflow"`` and ``"wandb"``, or callbacks of `ray.tune`.
        checkpoints: Where the checkpoints of running trials go: a folder that all machines reach,
            or a URL such as ``s3://bucket/folder``; by default what the environment variable
            `RAYNAS_CHECKPOINTS` says, or a folder under `folder`.
        budgets: Lengths of a training among which the search chooses for each trial, as shares of
            the steps of `full`, rising to 1, such as ``(1/60, 1/15, 1/4, 1)``. Below 1 a trial runs
            `task` for so many steps instead of its own number, at 1 `full`.
        learn_from: Earlier searches on other data, or of spaces with some of the same decisions,
            each by its results folder, its journal file or the URL of its database, or a pair of
            these two and its name. The search learns from its own trials how far theirs go.

    Raises:
        ConfigurationError: An argument is not what it should be.
    """

    space: type[A] | Space[A]
    task: Task
    reward: Reward | None = None
    controller: ControllerLike = "auto"
    rules: Sequence[StopRule] = None  # type: ignore[assignment] # filled in below
    resources: Resources = field(default_factory=Resources)
    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    name: str | None = None
    folder: str | Path = _FOLDER
    store: StoreLike = None
    full: Task | None = None
    allow: Sequence[str] = ()
    keep: Sequence[str] = ()
    again: Again = False
    until: Sequence[str] = ()
    scheduler: Any = None
    callbacks: str | Sequence[Any] = ()
    checkpoints: str | Path | None = None
    budgets: Sequence[float] = (1.0,)
    learn_from: Sequence[Any] = ()

    def __post_init__(self) -> None:
        space = Space.of(self.space)
        object.__setattr__(self, "space", space)
        make_controller(self.controller, space)
        roles = (
            ("task", Task),
            ("resources", Resources),
            ("limits", Limits),
            *((("reward", Reward),) if self.reward is not None else ()),
            *((("full", Task),) if self.full is not None else ()),
        )
        for argument, role in roles:
            value = getattr(self, argument)
            if not isinstance(value, role):
                raise ConfigurationError(f"{argument}={value!r}: must be a raynas {role.__name__}")
        if self.reward is not None:
            check_shown(self.reward)
        self._check_budgets(space)
        if self.rules is None:
            one = self.reward is None or len(self.reward.objectives) == 1
            guided = one and self.controller in ("auto", "surrogate")
            bounds = self.bounds
            part = FeasibleSpace(space, bounds, self.task.foreknown) if bounds else space
            object.__setattr__(self, "rules", default_rules(part, guided))
        _check_rules(self.rules)
        object.__setattr__(self, "rules", tuple(self.rules))
        if not isinstance(self.seed, int) or isinstance(self.seed, bool) or self.seed < 0:
            raise ConfigurationError(f"seed={self.seed!r}: must be a whole number from 0 on")
        object.__setattr__(self, "keep", _kept(self.keep))
        object.__setattr__(self, "until", _names(self.until))
        if not isinstance(self.again, bool) and not (
            isinstance(self.again, str) and self.again == "all"
        ):
            raise ConfigurationError(f"again={shown(self.again)}: use True, False or 'all'")
        if self.name is not None:
            _check_name(self.name)
        if self.scheduler is not None or self.callbacks:
            from raynas.tune.callbacks import check_callbacks
            from raynas.tune.schedulers import check_scheduler

            check_scheduler(self.scheduler, self.task)
            object.__setattr__(self, "callbacks", check_callbacks(self.callbacks))
        self._expand_homes()
        if not isinstance(self.folder, str | os.PathLike):
            raise ConfigurationError(f"folder={self.folder!r}: must be a path")
        _check_store(self.store)

    def _check_budgets(self, space: Space[Any]) -> None:
        """See that the rest goes with several budgets, and fill in the rules."""
        object.__setattr__(self, "budgets", checked_budgets(self.budgets))
        if len(self.budgets) > 1:
            self._check_several(space)
        elif self.learn_from:
            self._check_learning(space)
        if len(self.budgets) == 1 and self.limits.trainings is not None:
            raise ConfigurationError(
                f"limits trainings={self.limits.trainings:g}: without Search(budgets=...) a trial "
                "has no cost in full trainings; give budgets, or limit the trials"
            )

    def _check_learning(self, space: Space[Any]) -> None:
        """See that the rest goes with what is learned from other searches."""
        make_multi_budget(self.controller, space, self.budgets)
        if self.bounds:
            raise ConfigurationError(
                "learn_from: bounds on metrics are not supported in a search that learns from "
                "others; omit one of the two"
            )

    def _check_several(self, space: Space[Any]) -> None:
        make_multi_budget(self.controller, space, self.budgets)
        budgeted(self.task, self.full)
        if self.reward is not None and len(self.reward.objectives) > 1:
            raise ConfigurationError(
                f"budgets: a search over budgets has one objective, and {self.reward!r} "
                f"has {len(self.reward.objectives)}"
            )
        if self.bounds:
            raise ConfigurationError(
                "budgets: bounds on metrics are not supported in a search over budgets; omit one "
                "of the two"
            )
        if self.scheduler is not None:
            raise ConfigurationError(
                f"scheduler={self.scheduler!r}: a search over budgets ends no trial early, as its "
                "short trials have schedules of their own; omit scheduler"
            )
        if any(column.path == BUDGET for column in space.columns):
            raise ConfigurationError(f"a field of {space!r} is named {BUDGET!r}: rename it")
        if self.rules is None:
            object.__setattr__(self, "rules", (FailureShare(),))
        for rule in self.rules:
            if isinstance(rule, Convergence | NoConvergence | ImprovementLeft):
                raise ConfigurationError(
                    f"rules contains {rule!r}: it compares all rewards, which are of several "
                    "budgets; omit it, and limit the search by Limits(trainings=...)"
                )

    def _expand_homes(self) -> None:
        """Replace a leading ``~`` of what names a place."""
        for argument in ("folder", "store", "checkpoints"):
            value = getattr(self, argument)
            if isinstance(value, str | os.PathLike) and os.fspath(value).startswith("~"):
                object.__setattr__(self, argument, os.path.expanduser(value))

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """All bounds on metrics that the task and the reward declare, each once."""
        of_reward = () if self.reward is None else bounds_in(self.reward)
        return tuple(dict.fromkeys((*bounds_of(self.task), *of_reward)))

    def open(self, name: str | None = None, *, read_only: bool = False) -> SearchRun[A]:
        """Open the search's store, to run it or to look at it.

        Args:
            name: Used where the search has none of its own.
            read_only: Only look at it, also while another process runs it.

        Raises:
            StoreError: See `raynas.store.Store`.
        """
        return SearchRun(self, self.name or name or script_name(), read_only)

    def run(self) -> SearchResult[A]:
        """Run the search to its end, or go on with it where it was.

        In a notebook, a line below the cell shows the progress.
        """
        with self.open() as run:
            progress = ProgressLine(run.limit, len(run.earlier.ended), run.label)
            with live_text(lambda: progress.words(run.history)):
                return run.go()


@dataclass(frozen=True)
class SearchResult(Generic[A]):
    """What a search found.

    Attributes:
        history: Every trial.
        stop: Why the search ended; None where a signal interrupted it.
        folder: Where its results are.
        space: What its architectures are members of.
    """

    history: History[A]
    stop: Stop | None
    folder: Path
    space: Space[A]

    def best(self, count: int = 10) -> tuple[Trial[A], ...]:
        """The `count` trials of highest reward, best first."""
        return self.history.best(count)

    def dataframe(self) -> pd.DataFrame:
        """One row a trial in ask order; see `raynas.report.trials_frame` for the columns."""
        from raynas.analysis.tables import trials_frame

        return trials_frame(self.history, self.space)

    def _repr_html_(self) -> str:
        """Why the search ended, and its history."""
        end = self.stop.reason if self.stop else "interrupted; run it again to go on"
        words = f"Search in {self.folder}: {end}"
        return f"<p>{escape(words)}</p>{self.history._repr_html_()}"


class SearchRun(Look[A]):
    """An open search: holds its store until closed, as a context manager.

    Args:
        search: What to run.
        name: Name of the search in its store.
        read_only: Only look at it, also while another process runs it.
    """

    def __init__(self, search: Search[A], name: str, read_only: bool) -> None:
        _check_name(name)
        self.search = search
        self.name = name
        self.folder = Path(search.folder).absolute() / name
        self.space = Space.of(search.space)
        self.reward = search.reward or Metric(search.task.metric, search.task.mode)
        self.rules = self._rules()
        self.sources: tuple[Path, ...] = _own_script()
        self._store = search.store or os.environ.get(STORE_VARIABLE) or self.folder / JOURNAL
        several = len(search.budgets) > 1
        self.task = budgeted(search.task, search.full) if several else search.task
        self._identity = {f"task: {key}": text for key, text in self.task.identity().items()}
        if several:
            self._identity[BUDGETS] = repr(tuple(search.budgets))
        earlier = earlier_searches(search.learn_from)
        if earlier:
            self._identity[LEARN_FROM] = learned_identity(earlier)
        self.asktell = AskTell(
            self.space,
            self._controller(),
            search.seed,
            store=self._store,
            name=name,
            read_only=read_only,
            reward=self.reward,
            identity=self._identity,
            keep=search.keep,
            again=search.again,
            budgets=search.budgets,
            trainings=math.inf if search.limits.trainings is None else search.limits.trainings,
            trials=search.limits.trials,
            learn_from=earlier,
        )
        self.earlier = self.history
        if read_only:
            self._recall()

    def __enter__(self) -> SearchRun[A]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.asktell.store.close()

    @cached_property
    def _searcher(self) -> NASSearcher:
        """What Tune asks; made when trials are to run, as it imports Ray."""
        from raynas.tune.searcher import NASSearcher

        searcher = NASSearcher.of(self.asktell, self.rules, self.search.limits.trials)
        known = secret_values(self.search.task, self.search.full, self.search.reward)
        searcher.scrub = partial(scrubbed, values=known)
        return searcher

    def _controller(self) -> ControllerLike:
        """The search's controller, within the bounds of reward and task where there are any."""
        bounds = self.search.bounds
        if not bounds:
            return self.search.controller
        return within_bounds(self.search.controller, bounds, self.search.task.foreknown)

    def _rules(self) -> tuple[StopRule, ...]:
        search = self.search
        return until(
            (
                *search.rules,
                *search.limits.rules(search.resources.devices, search.budgets[0]),
                *((SpaceExhausted(self.space.size),) if len(search.budgets) == 1 else ()),
            ),
            search.until,
        )

    def _recall(self) -> None:
        """Take over the limits of the latest start, which may have been on its command line."""
        notes = self.asktell.store.notes_on_search
        with suppress(ConfigurationError, TypeError, KeyError):
            self.search = replace(
                self.search, limits=Limits(**notes["limits"]), until=notes["until"]
            )
            self.rules = self._rules()

    @property
    def subject(self) -> str:
        """How much there is to try, in words."""
        return shown_architectures(self.space.size)

    @property
    def limit(self) -> int:
        """See `Look.limit`."""
        return self.search.limits.trials

    @property
    def reserved(self) -> Mapping[str, float]:
        """See `Look.reserved`; without GPUs where the share is still to be measured."""
        resources = self.search.resources
        return (replace(resources, gpu=0) if resources.gpu == "auto" else resources).as_dict()

    @property
    def mended(self) -> bool:
        """Whether the store ended in a half-written line, which was cut off."""
        return self.asktell.store.mended

    def go(self) -> SearchResult[A]:
        """Run trials until a rule stops the search or a signal interrupts it.

        Trials in flight when a rule fires are recorded as stopped by it; those in flight at a
        signal stay open and run again, under their own number, at the next start that a rule does
        not stop at once.

        Raises:
            RaynasError: The search cannot go on; whatever ended is in the store.
        """
        from raynas.tune.run import Settings, run_trials
        from raynas.tune.scheduler_wrapper import TrialTimeLimits

        mark = self.asktell.store.notes_on_search.get("mark") or uuid4().hex
        as_started = {
            "limits": asdict(self.search.limits),
            "until": list(self.search.until),
            "mark": mark,
        }
        self.asktell.store.note_on_search(as_started)
        self._take_up_deferred()
        stop = self._searcher.check_rules()
        if stop is not None:
            return SearchResult(self.history, stop, self.folder, self.space)
        self._say_bounds()
        record_run(self.folder, of_now(self.search.seed, self.search.task, Path.cwd()))
        limits = self.search.limits
        settings = Settings(
            seed=self.search.seed,
            resources=self.search.resources,
            parallel=limits.parallel,
            patience=TrialTimeLimits(
                _seconds(limits.trial_minutes), _seconds(limits.silent_minutes)
            ),
            scheduler=self.search.scheduler,
            callbacks=tuple(self.search.callbacks),
            folder=self.folder,
            checkpoints=self._checkpoints(),
            mark=mark,
            spares_repeats=not self._is_bounded,
        )
        self._record()
        notes = Notes(self.rules, lambda: self.history, self.folder)
        notes.write()
        self._searcher.noted = notes.update
        stop = self._tried(run_trials(self._searcher, self.space, self.task, settings))
        notes.write(stop)
        return SearchResult(self.history, stop, self.folder, self.space)

    def _take_up_deferred(self) -> None:
        """Let trials that waited for a device run once more, unless a rule ends the search first.

        Limits on trials count them as running; so a search that a limit has ended goes on.
        """
        now = time.time()
        waiting = [trial.number for trial in self.history.deferred]
        as_if = self.history
        for number in waiting:
            as_if = as_if.reopened(number, now)
        if first_stop(self.rules, as_if, now) is not None:
            return
        for number in waiting:
            self.asktell.reopen(number)
        for number in reversed(waiting):
            self.asktell.again(number)

    def _tried(self, interrupted: bool) -> Stop | None:
        """Why no more trials run; None where a signal interrupted them."""
        stop = self._searcher.check_rules()
        if stop is not None:
            for trial in self.history.running:
                seen = trial.points[-1:]
                so_far = [Measurement(p.metrics, steps=p.step, curve=trial.points) for p in seen]
                self.asktell.tell(trial.number, Stopped(stop.rule, *so_far))
            return stop
        if interrupted:
            return None
        if self.history.running:
            raise RaynasError(
                f"Ray Tune ended with {counted(len(self.history.running), 'trial')} in flight and "
                "gave no reason; run the same command again to go on"
            )
        return _NOTHING_LEFT

    def _record(self) -> None:
        """Store what it takes to look at the search without its file."""
        write_snapshot(
            self.folder,
            name=self.name,
            sources=self.sources,
            store=self._store,
            seed=self.search.seed,
            identity=self._identity,
            space=self.space,
            reward=self.reward,
            rules=self.rules,
            limit=self.limit,
            reserved=self.reserved,
        )

    def _say_bounds(self) -> None:
        """Before the first trial, say what part of the space the bounds that are free leave.

        Raises:
            ConfigurationError: Nothing within them was found.
        """
        bounds = self.search.bounds
        if not bounds or len(self.history) or not self._is_bounded:
            return
        part = FeasibleSpace(self.space, bounds, self.search.task.foreknown)
        if not part.free:
            return
        survey = part.survey
        share = survey.inside / survey.drawn
        shown = f"{share:.2g}" if share else f"under {1 / survey.drawn:.1g}"
        words = "Within bounds (%s): a share of %s of the space, by %s random architectures. %s"
        advice = _RARE if share < _RARELY else "Nothing outside is tried."
        limits = ", ".join(map(bound_words, part.free))
        announce(words, limits, shown, f"{survey.drawn:,}", advice)

    @property
    def _is_bounded(self) -> bool:
        """Whether proposals are kept within bounds."""
        return True

    def _checkpoints(self) -> str:
        """Where checkpoints of this search go, apart from those of others in the same place."""
        given = self.search.checkpoints or os.environ.get(_CHECKPOINTS_VARIABLE)
        if not given:
            return str(self.folder / _CHECKPOINTS)
        return f"{str(given).rstrip('/')}/{self.name}"


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else minutes * 60


_RARELY = 0.05
_RARE = (
    "Hardly anything meets them: the search begins with what does, but a looser bound, or a space "
    "with more that meets it, finds better ones sooner; `raynas profile` shows what costs most."
)
_NOTHING_LEFT = Stop(
    "controller",
    "The controller has nothing more to propose.",
    "Train the best in full: `raynas train FILE`, or search a larger space.",
)


def _check_rules(rules: object) -> None:
    if not isinstance(rules, Sequence):
        raise ConfigurationError(f"rules={rules!r}: must be a list or tuple of raynas StopRules")
    for rule in rules:
        if not isinstance(rule, StopRule):
            raise ConfigurationError(f"rules contains {rule!r}: must be a raynas StopRule")


def _kept(keep: object) -> tuple[str, ...]:
    groups = (keep,) if isinstance(keep, str) else keep
    if isinstance(groups, Sequence) and all(group in KEPT for group in groups):
        return tuple(groups)
    raise ConfigurationError(f"keep={keep!r}: use some of {', '.join(map(repr, KEPT))}")


def _names(names: object) -> tuple[str, ...]:
    given = (names,) if isinstance(names, str) else names
    if isinstance(given, Sequence) and all(isinstance(name, str) for name in given):
        return tuple(given)
    raise ConfigurationError(f"until={names!r}: must be names of stop rules, such as 'trials'")


def _check_name(name: object) -> None:
    """See that a name is fit for folders, database keys and generated code."""
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name) or not name.strip("."):
        raise ConfigurationError(
            f"name={name!r}: use letters, digits, '.', '_' and '-' only, as the name of a folder; "
            "by default it is that of the search file, so rename that, or give another name "
            "(--name)"
        )


def _check_store(store: object) -> None:
    if store is None or isinstance(store, str | os.PathLike) or hasattr(store, "get_all_trials"):
        return
    raise ConfigurationError(
        f"store={shown(store)}: must be a path, a database URL, an Optuna storage or None"
    )


def _own_script() -> tuple[Path, ...]:
    """The script that runs, unless it is a command."""
    script = Path(getattr(sys.modules["__main__"], "__file__", None) or "")
    return (script.absolute(),) if script.suffix == ".py" and script.is_file() else ()


def script_name() -> str:
    """The name that a search has by default in a script."""
    return Path(sys.argv[0]).stem or "search"
