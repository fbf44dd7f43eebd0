"""The step budget of a training: when it ends, when it validates, how many epochs that makes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from raynas.errors import TaskError
from raynas.tasks.base import Context
from raynas.tasks.lightning.training_callback import TrainingCallback, floats
from raynas.trials import Point
from raynas.wording import counted

__all__ = ["StepBudget"]

_NO_BATCHES = (
    "data: an epoch of the training set has no batches, though it may have examples; use a smaller "
    "batch size, or drop_last=False"
)
_WITHOUT_STEP = 256
"""Batches that need no step of the optimizer: more than any accumulation of gradients."""
_NEVER = 1 << 60  # batches


class StepBudget(TrainingCallback):
    """Ends a training after `max_steps` steps and validates `evaluations` times on the way.

    With automatic optimization, steps are optimizer steps, as Lightning counts them. With manual
    optimization, a step is a batch in which at least one optimizer stepped, however many optimizers
    there are and however often they step in it.

    The network is validated when a share of 1 / evaluations of the steps is done, 2 / evaluations,
    and so on, the last time after the last step; a training that something else ends is validated
    then. Where a scheduler or a callback needs a validated metric at the end of each epoch, the
    network is validated there as well.

    Args:
        max_steps: The budget.
        evaluations: How often to validate.
        context: Takes the metrics of each evaluation.
        batches: The number of batches of an epoch, given the Trainer's `limit_train_batches`.
    """

    def __init__(
        self,
        max_steps: int,
        evaluations: int,
        context: Context,
        batches: Callable[[int | float | None], float],
    ) -> None:
        self.max_steps = max_steps
        self.evaluations = evaluations
        self.context = context
        self.batches = batches
        self.points: list[Point] = []
        self.steps = 0
        self._optimizer_steps = 0
        self._without_step = 0  # batches, and epochs
        self._each_epoch = False
        self._steps_after: list[int] = []  # each epoch; once somebody has read how many there are
        self._validated = Point(-1, {})
        self._before_validation: set[str] = set()
        self._from_validation: set[str] = set()  # metrics that only validation logs

    def epochs(self, trainer: Any) -> int:
        """The number of epochs that the budget takes, the last one perhaps in part.

        Raises:
            TaskError: The training set has no known length.
        """
        batches = self.batches(trainer.limit_train_batches)
        if not math.isfinite(batches):
            raise TaskError(
                "trainer.max_epochs: the training set is a stream of unknown length, so the number "
                f"of epochs in max_steps={self.max_steps} is unknown too; give "
                "LightningTask(trainer={'limit_train_batches': ...}), the batches of an epoch"
            )
        self._steps_after = _steps_after_epochs(trainer, batches, self.max_steps)
        return len(self._steps_after)

    def setup(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        if not trainer.lightning_module.automatic_optimization:
            trainer.fit_loop.epoch_loop.max_steps = -1  # which counts each optimizer's steps

    def on_train_start(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        self._each_epoch = _validates_each_epoch(trainer)
        trainer.val_check_batch = _NEVER

    def on_train_batch_end(self, trainer: Any, outputs: Any) -> None:
        """See `TrainingCallback`."""
        del outputs
        self._count(trainer)
        if self.steps >= self.max_steps and not trainer.lightning_module.automatic_optimization:
            trainer.should_stop = True
        due = self._is_due() or self._is_needed(trainer)
        if due:
            self._before_validation = set(trainer.callback_metrics)
        trainer.val_check_batch = 1 if due else _NEVER

    def on_validation_end(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        self._from_validation |= set(trainer.callback_metrics) - self._before_validation
        if trainer.sanity_checking:
            return
        self._validated = Point(self.steps, floats(trainer.callback_metrics))
        if self._is_due():
            self._keep(self._validated)

    def on_train_epoch_end(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        if trainer.fit_loop.epoch_loop.batch_progress.current.ready == 0:
            raise TaskError(_NO_BATCHES)
        self._no_step()
        self._check_epochs(trainer)

    def on_train_end(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        if self.points and self.points[-1].step == self.steps:
            return
        if self._validated.step < self.steps and trainer.enable_validation:
            trainer.validating = True
            trainer.fit_loop.epoch_loop.val_loop.run()
            trainer.training = True
        if not self.points or self.points[-1].step < self.steps:
            self._keep(Point(self.steps, floats(trainer.callback_metrics)))

    def _count(self, trainer: Any) -> None:
        before = self.steps
        if trainer.lightning_module.automatic_optimization:
            self.steps = trainer.global_step
        elif trainer.global_step > self._optimizer_steps:
            self.steps += 1
        elif self._steps_after:
            raise TaskError(
                "module: it optimizes by hand, without a step in every batch, and reads "
                "trainer.max_epochs, from which the length of its training does not follow; make "
                "schedules from self.trainer.max_steps, and step them where the optimizer steps"
            )
        self._optimizer_steps = trainer.global_step
        if self.steps > before:
            self._without_step = 0
        else:
            self._no_step()

    def _no_step(self) -> None:
        self._without_step += 1
        if self._without_step >= _WITHOUT_STEP:
            raise TaskError(
                f"module: {counted(self._without_step, 'batch', 'batches')} went by without an "
                f"optimizer step after step {self.steps}, so that max_steps is not reached; where "
                "the module optimizes by hand, it must call step() of what self.optimizers() gives"
            )

    def _check_epochs(self, trainer: Any) -> None:
        """Check that the epochs are as long as those that `epochs` was worked out from."""
        if trainer.should_stop or self.steps >= self.max_steps or not self._steps_after:
            return
        done = trainer.current_epoch + 1
        expected = self._steps_after[min(done, len(self._steps_after)) - 1]
        if trainer.lightning_module.automatic_optimization and self.steps != expected:
            raise TaskError(
                f"trainer.max_epochs: epoch {done} ended at step {self.steps}, not {expected}, so "
                f"that a schedule over epochs would not end with max_steps={self.max_steps}; "
                "make it from self.trainer.max_steps, by step"
            )

    def _is_due(self) -> bool:
        done = len(self.points)
        return (
            done < self.evaluations and self.steps >= self.max_steps * (done + 1) / self.evaluations
        )

    def _is_needed(self, trainer: Any) -> bool:
        """Whether somebody needs a validated metric after this batch."""
        loop = trainer.fit_loop.epoch_loop
        if loop.batch_progress.is_last_batch and self._each_epoch:
            return True
        trained = set(trainer.callback_metrics) - self._from_validation
        return any(
            plateau.interval == "step"
            and (loop.batch_idx + 1) % plateau.frequency == 0
            and plateau.monitor not in trained
            for plateau in _plateaus(trainer)
        )

    def _keep(self, point: Point) -> None:
        self.points.append(point)
        self.context.report(point.step, point.metrics)

    def state_dict(self) -> Any:
        """See `TrainingCallback`."""
        return {
            "points": [(point.step, dict(point.metrics)) for point in self.points],
            "steps": self.steps,
            "optimizer_steps": self._optimizer_steps,
            "from_validation": sorted(self._from_validation),
        }

    def load_state_dict(self, state: Any) -> None:
        """See `TrainingCallback`."""
        self.points = [Point(step, metrics) for step, metrics in state["points"]]
        self.steps, self._optimizer_steps = state["steps"], state["optimizer_steps"]
        self._from_validation = set(state["from_validation"])

    def ended_early(self, trainer: Any) -> str:
        """What ended the training before its last step, in words; empty where nothing did.

        Raises:
            TaskError: There was nothing to train on.
        """
        if self.steps >= self.max_steps:
            return ""
        if trainer.fit_loop.max_batches == 0:
            raise TaskError(_NO_BATCHES)
        at = f"at step {self.steps} of {self.max_steps}"
        for one in trainer.callbacks:
            patience = getattr(one, "patience", math.inf)
            if getattr(one, "stopped_epoch", 0) or getattr(one, "wait_count", 0) >= patience:
                return f"{type(one).__name__}(monitor={one.monitor!r}) ended the training {at}"
            remaining = getattr(one, "time_remaining", None)
            if callable(remaining) and (left := remaining()) is not None and left <= 0:
                return f"{type(one).__name__} ended the training {at}"
        return f"the module or a callback ended the training {at}"


def _steps_after_epochs(trainer: Any, batches: float, max_steps: int) -> list[int]:
    """Optimizer steps in all after each epoch, up to the one with step `max_steps`."""
    schedules = [
        one.get_accumulate_grad_batches
        for one in trainer.callbacks
        if hasattr(one, "get_accumulate_grad_batches")  # GradientAccumulationScheduler
    ]
    found: list[int] = []
    while not found or found[-1] < max_steps:
        accumulated = trainer.accumulate_grad_batches
        for schedule in schedules:
            accumulated = schedule(len(found))
        found.append((found[-1] if found else 0) + max(1, math.ceil(batches / accumulated)))
    return found


def _plateaus(trainer: Any) -> list[Any]:
    """Schedulers that need a metric, where Lightning steps them."""
    if not trainer.lightning_module.automatic_optimization:
        return []
    return [config for config in trainer.lr_scheduler_configs if config.reduce_on_plateau]


def _validates_each_epoch(trainer: Any) -> bool:
    """Whether a scheduler or a callback needs a validated metric at the end of an epoch."""
    if any(config.interval == "epoch" for config in _plateaus(trainer)):
        return True
    flags = ("_check_on_train_epoch_end", "_save_on_train_epoch_end")
    return any(
        getattr(one, "monitor", None) and any(getattr(one, flag, None) for flag in flags)
        for one in trainer.callbacks
    )
