"""Stage 1: puts space, controller, task, reward, rules, store and Tune together."""

from __future__ import annotations

import math
import os
import re
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from raynas.analysis.provenance import of_now, read_runs, record_run
from raynas.analysis.recorded_plan import read_prediction
from raynas.arguments import checked, shown
from raynas.controllers.by_name import ControllerLike, make_controller
from raynas.controllers.feasible import FeasibleSpace, within_bounds
from raynas.errors import ConfigurationError, RaynasError
from raynas.redaction import scrubbed, secret_values
from raynas.report import SearchView, trials_frame
from raynas.report.units import bound_words
from raynas.rewards import Bound, Metric, Objective, Reward, check_shown
from raynas.rewards.bounds import bounds_in
from raynas.space import Space
from raynas.stopping import (
    DeviceTimeLimit,
    FailedLimit,
    MoneyLimit,
    SpaceExhausted,
    StopRule,
    StopWarning,
    TimeLimit,
    TrialLimit,
    default_rules,
    first_stop,
    until,
    warnings_of,
)
from raynas.tasks import Task
from raynas.tasks.log import announce
from raynas.tasks.meters.measured import bounds_of
from raynas.trials import History, Measurement, Stop, Stopped, Trial
from raynas.tune.resources import Resources

if TYPE_CHECKING:
    import pandas as pd

    from raynas.store import Again, StoreLike
    from raynas.tune.searcher import NASSearcher

__all__ = ["KEPT", "Limits", "Search", "SearchResult", "SearchRun"]

_FOLDER = "raynas-results"
_JOURNAL = "journal.log"
_CHECKPOINTS = "checkpoints"
_CHECKPOINTS_VARIABLE = "RAYNAS_CHECKPOINTS"
_STORE_VARIABLE = "RAYNAS_STORE"
KEPT = ("reward", "task", "seed")
"""What may change without making it another search; see `Search.keep`."""


@checked
@dataclass(frozen=True)
class Limits:
    """When a search ends at the latest (T4), and how much of it runs at once.

    Args:
        trials: Trials in all.
        parallel: Trials at a time; None for as many as fit on the machine or cluster.
        failed: Trials without a valid reward; None for a third of `trials`.
        hours: Wall time during which trials run.
        device_hours: Hours of all trials together, times the devices of each: GPUs where a trial
            reserves any, CPUs otherwise; None for no limit.
        money: What the device hours may cost; None for no limit.
        price: Of one device hour, in the currency of `money`.
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

    def __post_init__(self) -> None:
        for name in ("trials", "parallel", "failed"):
            value = getattr(self, name)
            if value is None and name != "trials":
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigurationError(
                    f"limits {name}={value!r}: must be a whole number from 1 on"
                )
        for name in ("hours", "device_hours", "money", "price", "trial_minutes", "silent_minutes"):
            value = getattr(self, name)
            if value is None and name != "hours":
                continue
            if not isinstance(value, int | float) or not value > 0:
                raise ConfigurationError(f"limits {name}={value!r}: must be above 0")
        if self.money is not None and self.price is None:
            raise ConfigurationError(
                f"limits money={self.money:g} without a price: give price=, that of a device hour"
            )

    def rules(self, devices: float = 1.0) -> tuple[StopRule, ...]:
        """The limits as stop rules, where each trial reserves so many devices."""
        failed = math.ceil(self.trials / 3) if self.failed is None else self.failed
        rules: list[StopRule] = [FailedLimit(failed), TimeLimit(self.hours)]
        if self.device_hours is not None:
            rules.append(DeviceTimeLimit(self.device_hours, devices))
        if self.money is not None and self.price is not None:
            rules.append(MoneyLimit(self.money, self.price, devices))
        return (*rules, TrialLimit(self.trials))


@checked
@dataclass(frozen=True)
class Search:
    """An architecture search: what to search, how to try it, and when to end.

    Args:
        space: A searchable class, or its `Space`.
        task: Tries an architecture.
        reward: From the task's measurement to the reward; the task's metric by default.
        controller: A name such as ``"auto"``, or what makes a controller from a space.
        rules: Stop rules besides the limits; None for those of `raynas.stopping.default_rules`.
        resources: What each trial reserves.
        limits: When the search ends at the latest.
        seed: Whole number from 0 on; determines proposals and the trials' randomness.
        name: Of the search in its store; by default that of the file it is in.
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

    Raises:
        ConfigurationError: An argument is not what it should be.
    """

    space: type[Any] | Space[Any]
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
        if not isinstance(self.folder, str | os.PathLike):
            raise ConfigurationError(f"folder={self.folder!r}: must be a path")
        _check_store(self.store)

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """All bounds on metrics that the task and the reward declare, each once."""
        of_reward = () if self.reward is None else bounds_in(self.reward)
        return tuple(dict.fromkeys((*bounds_of(self.task), *of_reward)))

    def open(self, name: str | None = None, *, read_only: bool = False) -> SearchRun:
        """Open the search's store, to run it or to look at it.

        Args:
            name: Used where the search has none of its own.
            read_only: Only look at it, also while another process runs it.

        Raises:
            StoreError: See `raynas.store.Store`.
        """
        return SearchRun(self, self.name or name or _script_name(), read_only)

    def run(self) -> SearchResult:
        """Run the search to its end, or go on with it where it was."""
        with self.open() as run:
            return run.go()


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        history: Every trial.
        stop: Why the search ended; None where a signal interrupted it.
        folder: Where its results are.
        space: What its architectures are members of.
        axes: Its objectives in the user's directions.
    """

    history: History
    stop: Stop | None
    folder: Path
    space: Space[Any]
    axes: tuple[Objective, ...] = ()

    def best(self, count: int = 10) -> tuple[Trial, ...]:
        """The `count` trials of highest reward, best first."""
        return self.history.best(count)

    def dataframe(self) -> pd.DataFrame:
        """One row a trial in ask order; see `raynas.report.trials_frame` for the columns."""
        return trials_frame(self.history, self.space, self.axes)


class SearchRun:
    """An open search: holds its store until closed, as a context manager.

    Args:
        search: What to run.
        name: Of the search in its store.
        read_only: Only look at it, also while another process runs it.
    """

    def __init__(self, search: Search, name: str, read_only: bool) -> None:
        from raynas.tune.searcher import NASSearcher

        _check_name(name)
        self.search = search
        self.name = name
        self.folder = Path(search.folder).absolute() / name
        self.space: Space[Any] = Space.of(search.space)
        self.reward = search.reward or Metric(search.task.metric, search.task.mode)
        self.rules = self._rules()
        store = search.store or os.environ.get(_STORE_VARIABLE) or self.folder / _JOURNAL
        self._searcher: NASSearcher = NASSearcher(
            self.space,
            self._controller(),
            seed=search.seed,
            store=store,
            name=name,
            read_only=read_only,
            reward=self.reward,
            identity={f"task: {name}": text for name, text in search.task.identity().items()},
            keep=search.keep,
            again=search.again,
            rules=self.rules,
            trials=search.limits.trials,
        )
        known = secret_values(search.task, search.full, search.reward)
        self._searcher.scrub = partial(scrubbed, values=known)
        self.earlier = self._searcher.history
        if read_only:
            self._recall()

    def __enter__(self) -> SearchRun:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._searcher.asktell.store.close()

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
                *search.limits.rules(search.resources.devices),
                SpaceExhausted(self.space.size),
            ),
            search.until,
        )

    def _recall(self) -> None:
        """Take over the limits of the latest start, which may have been on its command line."""
        notes = self._searcher.asktell.store.notes_on_search
        with suppress(ConfigurationError, TypeError, KeyError):
            self.search = replace(
                self.search, limits=Limits(**notes["limits"]), until=notes["until"]
            )
            self.rules = self._searcher.rules = self._rules()

    @property
    def history(self) -> History:
        """Everything asked and told so far; an immutable snapshot."""
        return self._searcher.history

    def label(self, trial: Trial) -> str:
        """Which trial `trial` is, for people."""
        return f"trial {trial.number}"

    @property
    def mended(self) -> bool:
        """Whether the store ended in a half-written line, which was cut off."""
        return self._searcher.asktell.store.mended

    def states(self) -> list[str]:
        """How near each rule is to a stop."""
        now = time.time()
        return [rule.state(self.history, now) for rule in self.rules]

    def warnings(self) -> list[StopWarning]:
        """What the rules warn of."""
        return warnings_of(self.rules, self.history, time.time())

    def stop(self) -> Stop | None:
        """What the rules say of the history as it is."""
        return first_stop(self.rules, self.history, time.time())

    def follow(self) -> History:
        """What is stored by now, where it was opened to look only; reads what is new."""
        return self._searcher.asktell.follow()

    def points(self) -> list[dict[int, float]]:
        """For each trial the reward at steps that it passed, as stored at most once a second."""
        return self._searcher.asktell.store.points()

    def notes(self, number: int) -> dict[str, Any]:
        """What the store holds about trial `number` besides its outcome, such as earlier runs."""
        return self._searcher.asktell.store.notes(number)

    def view(self) -> SearchView:
        """The search as it is now, for reports."""
        runs = read_runs(self.folder)
        facts = runs[-1] if runs else {}
        if len(runs) > 1:
            earlier = ", ".join(run.get("started", "unknown") for run in runs[:-1])
            facts = {**facts, "earlier starts": earlier}
        return SearchView(
            name=self.name,
            space=self.space,
            history=self.history,
            reward=self.reward,
            rules=self.rules,
            limit=self.search.limits.trials,
            reserved=self.search.resources.as_dict(),
            provenance=facts,
            prediction=read_prediction(self.folder),
            folder=self.folder,
            now=time.time(),
        )

    def go(self) -> SearchResult:
        """Run trials until a rule stops the search or a signal interrupts it.

        Trials in flight when a rule fires are recorded as stopped by it; those in flight at a
        signal stay open and run again, under their own number, at the next start that a rule does
        not stop at once.

        Raises:
            RaynasError: The search cannot go on; whatever ended is in the store.
        """
        from raynas.tune.run import Settings, run_trials
        from raynas.tune.scheduler_wrapper import Patience

        notes = {"limits": asdict(self.search.limits), "until": list(self.search.until)}
        self._searcher.asktell.store.note_on_search(notes)
        stop = self._searcher.check_rules()
        if stop is not None:
            return self._result(stop)
        self._say_bounds()
        record_run(self.folder, of_now(self.search.seed, self.search.task, Path.cwd()))
        limits = self.search.limits
        settings = Settings(
            seed=self.search.seed,
            resources=self.search.resources,
            parallel=limits.parallel,
            patience=Patience(_seconds(limits.trial_minutes), _seconds(limits.silent_minutes)),
            scheduler=self.search.scheduler,
            callbacks=tuple(self.search.callbacks),
            folder=self.folder,
            checkpoints=self._checkpoints(),
            spares_repeats=not self._is_bounded,
        )
        interrupted = run_trials(self._searcher, self.space, self.search.task, settings)
        stop = self._searcher.check_rules()
        if stop is not None:
            for trial in self.history.running:
                seen = trial.points[-1:]
                so_far = [Measurement(p.metrics, steps=p.step, curve=trial.points) for p in seen]
                ended = Stopped(stop.rule, *so_far)
                self._searcher.asktell.tell(trial.number, ended)
        elif self.history.running and not interrupted:
            raise RaynasError(
                f"Ray Tune ended with {len(self.history.running)} trials in flight and gave no "
                "reason; run the same command again to go on"
            )
        elif not interrupted:
            stop = _NOTHING_LEFT
        return self._result(stop)

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

    def _result(self, stop: Stop | None) -> SearchResult:
        return SearchResult(self.history, stop, self.folder, self.space, self.reward.axes)

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
    "the controller has nothing more to propose",
    "train the best in full, or search a larger space",
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


def _script_name() -> str:
    return Path(sys.argv[0]).stem or "search"
