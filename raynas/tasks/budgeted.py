"""A task at several budgets: a short training of stage 1's kind, or a full one."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping

from raynas.errors import ConfigurationError
from raynas.tasks.base import Context, Task
from raynas.tasks.example_input import innermost, with_innermost
from raynas.tasks.lightning import LightningTask
from raynas.tasks.meters.measured import measured_alike
from raynas.trials import Architecture, Measurement

__all__ = ["BUDGET", "Budgeted", "budgeted"]

BUDGET = "trial_budget"
"""Key of a trial's config under which its budget stands, in a search over several."""


class Budgeted(Task):
    """Runs `task` below the full budget, for its share of the full training's steps, else `full`.

    Every training has a schedule of its own, fitted to its number of steps. A task that trains
    nothing by itself takes `Context.budget`.

    Args:
        task: What a trial below the full budget runs.
        full: A full training.
    """

    def __init__(self, task: Task, full: Task) -> None:
        self.task = task
        self.full = full
        self.metric = task.metric
        self.mode = task.mode
        inner = innermost(full)
        if isinstance(inner, LightningTask):
            self.max_steps = inner.max_steps

    def identity(self) -> Mapping[str, str]:
        """See `Task.identity`: that of both."""
        whole = {f"full {key}": text for key, text in self.full.identity().items()}
        short = dict(self.task.identity())
        if isinstance(innermost(self.task), LightningTask):
            short.pop("max_steps", None)  # the budgets say it
        return {**short, **whole}

    def run(self, architecture: Architecture, context: Context) -> Measurement:
        """See `Task.run`."""
        task = self.full if context.budget == 1 else self._shortened(context.budget)
        return task.run(architecture, context)

    def foreknown(self, architecture: Architecture, names: Collection[str]) -> Mapping[str, float]:
        """See `Task.foreknown`."""
        return self.task.foreknown(architecture, names)

    def steps(self, budget: float) -> int:
        """Optimizer steps of a training at `budget`."""
        return max(1, round(budget * self.max_steps))

    def _shortened(self, budget: float) -> Task:
        inner = innermost(self.task)
        if not isinstance(inner, LightningTask):
            return self.task
        made = copy.copy(inner)
        made.max_steps = self.steps(budget)
        made.evaluations = min(inner.evaluations, made.max_steps)
        return with_innermost(self.task, made)


def budgeted(task: Task, full: Task | None) -> Budgeted:
    """`task` and `full` as one task for several budgets.

    What `task` measures beside training, in `raynas.Measured`, a full training measures too.

    Raises:
        ConfigurationError: What a full training is is not known, the two have not the same metric,
            or `task` takes no budgets.
    """
    inner = innermost(task)
    if not isinstance(inner, LightningTask):
        if not inner.takes_budgets:
            raise ConfigurationError(
                f"budgets: a {type(inner).__name__} takes none; give a LightningTask, a "
                "FunctionTask whose function has an argument named budget, or a Task with "
                "takes_budgets = True that reads context.budget"
            )
        return Budgeted(task, full or task)
    if full is None or not isinstance(innermost(full), LightningTask):
        raise ConfigurationError(
            f"full={full!r}: budgets are shares of the steps of a full training; give "
            "Search(full=LightningTask(...)), whose max_steps is their number"
        )
    if (full.metric, full.mode) != (task.metric, task.mode):
        raise ConfigurationError(
            f"full has metric={full.metric!r} and mode={full.mode!r}, but task has "
            f"metric={task.metric!r} and mode={task.mode!r}: with budgets they must be the same"
        )
    return Budgeted(task, measured_alike(task, full))
