"""Training time of a budget: time per step times steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from raynas.preflight.speed_result import Speed
from raynas.preflight.step_time import Timing
from raynas.search import Search
from raynas.tasks import LightningTask
from raynas.tasks.example_input import innermost
from raynas.wording import counted

__all__ = ["Budget", "budgets_of"]


@dataclass(frozen=True)
class Budget:
    """How long to train, counted in steps or in epochs.

    Attributes:
        unit: Unit of the length. With ``"steps"``, a larger batch sees more examples in the same
            steps; with ``"epochs"`` it takes fewer steps over the same examples.
        amount: How many.
        words: The budget, named.
    """

    unit: Literal["steps", "epochs"]
    amount: float
    words: str

    def steps(self, batch: int, examples: int | None) -> float:
        """Optimizer steps with `batch` examples each, an epoch having `examples`."""
        if self.unit == "steps" or examples is None:
            return self.amount
        return self.amount * math.ceil(examples / batch)

    def seconds(self, timing: Timing, examples: int | None) -> float:
        """Seconds of training for the budget, the data being there."""
        return timing.seconds * self.steps(timing.batch, examples)


def budgets_of(found: Speed, search: Search) -> tuple[Budget, ...]:
    """A trial's budget and the full training's, in steps, and as many epochs as these are now.

    The full training's data are a little more than a trial's, which is left out here.
    """
    budgets = []
    for name, task in (("trial", search.task), ("full training", search.full)):
        inner = None if task is None else innermost(task)
        if not isinstance(inner, LightningTask):
            continue
        budgets.append(
            Budget("steps", inner.max_steps, f"{name}: {counted(inner.max_steps, 'step')}")
        )
        if found.examples:
            epochs = inner.max_steps / math.ceil(found.examples / found.batch)
            budgets.append(
                Budget("epochs", epochs, f"{name}: {counted(round(epochs, 2), 'epoch')}")
            )
    return tuple(budgets)
