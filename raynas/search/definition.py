"""A search as a value: what to search, how to try it, and when to end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from typing_extensions import TypeVar

from raynas.analysis.progress_line import ProgressLine
from raynas.arguments import checked
from raynas.controllers.budgets import checked_budgets
from raynas.controllers.by_name import ControllerLike, make_controller
from raynas.controllers.feasible import FeasibleSpace
from raynas.notebook import live_text
from raynas.rewards import Bound, Reward, check_shown
from raynas.rewards.bounds import bounds_in
from raynas.search.limits import Limits
from raynas.search.result import SearchResult
from raynas.search.run import SearchRun, script_name
from raynas.search.validation import (
    check_again,
    check_budgets,
    check_name,
    check_places,
    check_roles,
    check_seed,
    checked_keep,
    checked_rules,
    checked_until,
)
from raynas.space import Space
from raynas.stopping import FailureShare, StopRule, default_rules
from raynas.tasks import Task
from raynas.tasks.meters.measured import bounds_of
from raynas.tune.resources import Resources

if TYPE_CHECKING:
    from raynas.store import Again, StoreLike

__all__ = ["Search"]

A = TypeVar("A", default=Any)

_FOLDER = "raynas-results"


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
        limits: Limits on trials, time and cost.
        seed: Whole number from 0 on; determines proposals and the trials' randomness.
        name: Name of the search in its store; by default the name of its file.
        folder: Parent folder of the results.
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
        checkpoints: Place of the checkpoints of running trials: a folder that all machines reach,
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
        self._fill("space", space)
        make_controller(self.controller, space)
        check_roles(self)
        if self.reward is not None:
            check_shown(self.reward)
        self._fill("budgets", checked_budgets(self.budgets))
        check_budgets(self)
        if self.rules is None:
            self._fill("rules", self._default_rules(space))
        self._fill("rules", checked_rules(self.rules))
        self._fill("keep", checked_keep(self.keep))
        self._fill("until", checked_until(self.until))
        check_seed(self.seed)
        check_again(self.again)
        if self.name is not None:
            check_name(self.name)
        if self.scheduler is not None or self.callbacks:
            from raynas.tune.callbacks import check_callbacks
            from raynas.tune.schedulers import check_scheduler

            check_scheduler(self.scheduler, self.task)
            self._fill("callbacks", check_callbacks(self.callbacks))
        self._expand_homes()
        check_places(self)

    def _fill(self, argument: str, value: object) -> None:
        object.__setattr__(self, argument, value)

    def _default_rules(self, space: Space[A]) -> Sequence[StopRule]:
        if len(self.budgets) > 1:
            return (FailureShare(),)
        one = self.reward is None or len(self.reward.objectives) == 1
        guided = one and self.controller in ("auto", "surrogate")
        bounds = self.bounds
        part = FeasibleSpace(space, bounds, self.task.foreknown) if bounds else space
        return default_rules(part, guided)

    def _expand_homes(self) -> None:
        """Replace a leading ``~`` of what names a place."""
        for argument in ("folder", "store", "checkpoints"):
            value = getattr(self, argument)
            if isinstance(value, str | os.PathLike) and os.fspath(value).startswith("~"):
                self._fill(argument, os.path.expanduser(value))

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """All bounds on metrics that the task and the reward declare, each once."""
        of_reward = () if self.reward is None else bounds_in(self.reward)
        return tuple(dict.fromkeys((*bounds_of(self.task), *of_reward)))

    def open(self, name: str | None = None, *, read_only: bool = False) -> SearchRun[A]:
        """Open the search's store, to run it or to look at it.

        Args:
            name: Used where the search has none of its own.
            read_only: Whether only to look at it, also while another process runs it.

        Raises:
            StoreError: See `raynas.store.Store`.
        """
        return SearchRun(self, self.name or name or script_name(), read_only)

    def look(self, name: str | None = None) -> SearchRun[A]:
        """Open the search to look at it, whatever seed it ran with.

        Args:
            name: Used where the search has none of its own.

        Raises:
            StoreError: See `raynas.store.Store`.
        """
        return replace(self, keep=(*self.keep, "seed")).open(name, read_only=True)

    def run(self) -> SearchResult[A]:
        """Run the search to its end, or go on with it where it was.

        In a notebook, a line below the cell shows the progress.
        """
        with self.open() as run:
            trainings = run.search.limits.trainings
            progress = ProgressLine(run.limit, run.earlier, run.label, trainings)
            with live_text(lambda: progress.words(run.history)):
                return run.go()
