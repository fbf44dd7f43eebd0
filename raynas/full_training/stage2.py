"""What stage 2 trains, and its study."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from raynas.analysis.full_training import FULL, trial_numbers
from raynas.errors import ConfigurationError, SpaceError
from raynas.full_training.contenders import Chances, Contenders
from raynas.full_training.listed import Listed
from raynas.full_training.substudy import Study, folder_of, history_of, open_study, study_beside
from raynas.full_training.taken_over import take_over, trained_in_search
from raynas.search import Search
from raynas.search.kept_weights import run_and_keep, weights_file
from raynas.shortlist import Shortlist, planned, shortlist
from raynas.space import Space
from raynas.tasks import Context, LightningTask, Task
from raynas.tasks.example_input import innermost, with_innermost
from raynas.tasks.meters.measured import measured_alike
from raynas.trials import Architecture, History, Measurement, Stopped
from raynas.wording import counted

__all__ = [
    "FullTraining",
    "Plan",
    "full_task",
    "open_training",
    "plan_training",
    "trained_of",
    "weights_file",
]

_CHECKPOINTS = 10  # a tenth of a training is lost with a machine
_EVALUATIONS = 9  # two halvings by 3, and one evaluation at the end


class FullTraining(Task):
    """Runs a task and keeps the weights that it writes: those of a LightningTask in it, or others.

    Args:
        task: What to run.
        folder: Folder of the weights, one file a trial; a cluster's machines must all reach it.
        halving: Whether to validate often enough for a scheduler to end it early.
    """

    def __init__(self, task: Task, folder: Path, halving: bool = False) -> None:
        self.task = task
        self.folder = folder
        self.metric = task.metric
        self.mode = task.mode
        inner = innermost(task)
        if isinstance(inner, LightningTask):
            self.max_steps = inner.max_steps
            often = min(_EVALUATIONS, inner.max_steps) if halving else 1
            self.evaluations = max(inner.evaluations, often)

    def identity(self) -> Mapping[str, str]:
        """See `Task.identity`: that of the task, wherever the weights go and who looks on."""
        return self.task.identity()

    def run(self, architecture: Architecture, context: Context) -> Measurement:
        """See `Task.run`."""
        task, inner = self.task, innermost(self.task)
        if isinstance(inner, LightningTask) and inner.evaluations != self.evaluations:
            often = copy.copy(inner)
            often.evaluations = self.evaluations
            task = with_innermost(task, often)
        return run_and_keep(task, self.folder, architecture, context)


def full_task(search: Search, max_steps: int | None = None) -> Task:
    """What stage 2 runs: ``search.full``, or the search's own task on the whole data.

    That is a LightningTask which trains on all of the training set and validates on the data
    module's own validation set, for `max_steps` steps, keeping checkpoints to go on from. What the
    search measures beside training, in `raynas.meters.Measured`, is measured here too, within the
    same bounds, whether ``search.full`` says so or not.

    Args:
        search: Search whose task is trained in full.
        max_steps: Optimizer steps of a full training.

    Raises:
        ConfigurationError: How long a full training is, or what it is at all, is not known.
    """
    whole = search.full or search.task
    task = innermost(whole)
    if not isinstance(task, LightningTask):
        if max_steps is not None:
            raise ConfigurationError(
                f"max_steps={max_steps}: a {type(task).__name__} has no steps; omit it"
            )
        if search.full is None and len(search.budgets) == 1:
            raise ConfigurationError(
                f"full=None: a {type(task).__name__} has no full training of its own; "
                "give Search(full=...), the task that stage 2 runs"
            )
        return measured_alike(search.task, whole)
    if search.full is None and max_steps is None:
        raise ConfigurationError(
            f"max_steps=None: the search's own trials train for {counted(task.max_steps, 'step')}; "
            "say how long a full training is with --max-steps, or give "
            "Search(full=LightningTask(...))"
        )
    made = copy.copy(task)
    if search.full is None:
        made.data = replace(made.data, validation="own", fraction=1.0, balance=False)
    if max_steps is not None:
        if max_steps < 1:
            raise ConfigurationError(f"max_steps={max_steps}: must be at least 1")
        made.max_steps = max_steps
        made.evaluations = min(made.evaluations, max_steps)
    if vars(made).get("checkpoint_every", 0) is None:
        vars(made)["checkpoint_every"] = max(1, made.max_steps // _CHECKPOINTS)
    return measured_alike(search.task, with_innermost(whole, made))


@dataclass(frozen=True)
class Plan:
    """What stage 2 is going to train.

    Attributes:
        shortlist: Shortlist of architectures, with the reason for each.
        baseline: What it is compared with; None where the space has none.
        architectures: Both, in the order of training.
        seeds: Trainings of each.
        numbers: The search's number for each architecture that it tried.
    """

    shortlist: Shortlist
    baseline: Architecture | None
    architectures: tuple[Architecture, ...]
    seeds: int
    numbers: Mapping[Architecture, int] = field(default_factory=dict)


def plan_training(
    history: History,
    space: Space[Any],
    count: int = 10,
    seeds: int = 1,
    *,
    noise: float | None = None,
    apart: int = 1,
    baseline: bool = True,
) -> Plan:
    """Choose what to train; see `raynas.shortlist.shortlist`.

    Raises:
        ConfigurationError: No trial of the search has a reward, or an argument is out of range.
    """
    if not isinstance(seeds, int) or seeds < 1:
        raise ConfigurationError(f"seeds={seeds!r}: must be a whole number from 1 on")
    if not history.completed:
        raise ConfigurationError(
            "no trial of the search has a reward yet, so there is nothing to train in full: "
            "let `raynas search` run first"
        )
    listed = shortlist(history, space, count, noise=noise, apart=apart)
    standard = baseline_of(space) if baseline else None
    chosen = [candidate.architecture for candidate in listed.chosen]
    first = [] if standard is None or standard in chosen else [standard]
    return Plan(listed, standard, (*first, *chosen), seeds, trial_numbers(history))


def baseline_of(space: Space[Any]) -> Architecture | None:
    """The space's baseline, or None where it has none."""
    try:
        return space.baseline
    except SpaceError:
        return None


def open_training(
    search: Search,
    name: str,
    plan: Plan,
    *,
    max_steps: int | None = None,
    parallel: int | None = None,
    halving: bool = False,
    chances: Chances | None = None,
) -> Study:
    """Open stage 2 of `search`, to run it with `go()` or to go on with it.

    Full trainings of a search over budgets count as trainings of stage 2, unless `max_steps` asks
    for others.

    Args:
        search: Stage 1.
        name: Name that stage 1 runs under.
        plan: What to train.
        max_steps: Optimizer steps of a full training, see `full_task`.
        parallel: Trainings at a time; None for as many as fit.
        halving: End trainings early that are not among the best third of those that got as far,
            by asynchronous successive halving, see `raynas.tune.schedulers`.
        chances: Train only what may still be the best by them, see `Contenders`.

    Raises:
        ConfigurationError: See `full_task`; or a training cannot be ended early.
        StoreError: See `raynas.store.Store`.
    """
    task = full_task(search, max_steps)
    if halving and not isinstance(innermost(task), LightningTask):
        raise ConfigurationError(
            f"halving=True: a {type(innermost(task)).__name__} cannot be ended early; omit it"
        )
    stage2 = replace(
        _study(search, name, task, halving),
        controller=lambda space: _controller(space, plan, chances),
    )
    had = history_of(stage2)
    if search.again:  # what was stopped goes on, and may have further seeds
        goes_on = [t.number for t in had if isinstance(t.outcome, Stopped)]
        for number in goes_on:
            had = had.reopened(number, had[number].started)
    trained = [trial.architecture for trial in had]
    taken = [] if max_steps else trained_in_search(search, name, trained)
    known = History((*had, *taken), had.shown_as)
    left = planned(plan.architectures, plan.seeds, known)
    study = open_study(stage2, len(known) + len(left), parallel, plan.numbers)
    take_over(taken, search, name, study.asktell, study.folder)
    return study


def _controller(space: Space[Any], plan: Plan, chances: Chances | None) -> Listed:
    if chances is None:
        return Listed(space, plan.architectures, plan.seeds)
    first = [candidate.architecture for candidate in plan.shortlist.chosen[:1]]
    return Contenders(space, plan.architectures, chances, (plan.baseline, *first))


def trained_of(search: Search, name: str) -> tuple[History, Path]:
    """The full trainings of `search` so far, also while they run, and the folder of their results.

    Args:
        search: Stage 1.
        name: Name that the search runs under.
    """
    stage2 = _study(search, name, search.full or search.task)
    return history_of(stage2), folder_of(search, name, FULL)


def _study(search: Search, name: str, task: Task, halving: bool = False) -> Search:
    return replace(
        study_beside(search, name, FULL),
        task=FullTraining(task, folder_of(search, name, FULL), halving),
        scheduler="asha" if halving else None,
    )
