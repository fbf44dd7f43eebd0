"""What LightningTask adds to a training, part by part, and the one Lightning callback around it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from raynas.errors import InfeasibleArchitecture

if TYPE_CHECKING:
    from torch.optim.lr_scheduler import CosineAnnealingLR

__all__ = ["Cosine", "FiniteLoss", "TrainingCallback", "callback", "floats"]

_STEPS_BETWEEN_LOOKS = 16  # chosen by hand: each waits for the GPU


class TrainingCallback:
    """What happens at some moments of a training; the names are those of Lightning's hooks."""

    def setup(self, trainer: Any) -> None:
        """Called when the data are set up, before optimizers are made and a checkpoint is read."""

    def on_train_start(self, trainer: Any) -> None:
        """Called before the first step of this run."""

    def on_train_batch_start(self, trainer: Any) -> None:
        """Called before a step."""

    def on_train_batch_end(self, trainer: Any, outputs: Any) -> None:
        """Called after a step, of which `outputs` are what `training_step` returned."""

    def on_validation_start(self, trainer: Any) -> None:
        """Called before a validation."""

    def on_validation_end(self, trainer: Any) -> None:
        """Called after a validation."""

    def on_train_epoch_end(self, trainer: Any) -> None:
        """Called after the last batch of an epoch, or of the training."""

    def on_train_end(self, trainer: Any) -> None:
        """Called after the last step and validation."""

    def on_save_checkpoint(self, trainer: Any, checkpoint: dict[str, Any]) -> None:
        """Called before Lightning writes `checkpoint`."""

    def state_dict(self) -> Any:
        """What a resumed training needs of this part, in tensors, numbers, texts and containers."""

    def load_state_dict(self, state: Any) -> None:
        """Take what `state_dict` gave; called before `on_train_start`."""


class Cosine(TrainingCallback):
    """Anneals learning rates to zero over the step budget, where no scheduler does.

    Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts.
    """

    def __init__(self, max_steps: int) -> None:
        self.max_steps = max_steps
        self.schedules: list[CosineAnnealingLR] = []
        self._states: list[dict[str, Any]] = []

    def on_train_start(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        from torch.optim.lr_scheduler import CosineAnnealingLR

        module = trainer.lightning_module
        if module.automatic_optimization and not trainer.lr_scheduler_configs:
            self.schedules = [
                CosineAnnealingLR(optimizer, self.max_steps) for optimizer in trainer.optimizers
            ]
        for schedule, state in zip(self.schedules, self._states, strict=False):
            schedule.load_state_dict(state)

    def on_train_batch_end(self, trainer: Any, outputs: Any) -> None:
        """See `TrainingCallback`."""
        del outputs
        for schedule in self.schedules:
            while schedule.last_epoch < trainer.global_step:
                schedule.step()

    def state_dict(self) -> Any:
        """See `TrainingCallback`."""
        return [schedule.state_dict() for schedule in self.schedules]

    def load_state_dict(self, state: Any) -> None:
        """See `TrainingCallback`."""
        self._states = list(state)


class FiniteLoss(TrainingCallback):
    """Ends the trial as infeasible where a training loss is NaN or infinite.

    On a CPU at the very step; a GPU, which should not be waited for after each step, is asked
    every 16 steps and at the end.
    """

    def __init__(self) -> None:
        self._losses: list[tuple[int, Any]] = []

    def on_train_batch_end(self, trainer: Any, outputs: Any) -> None:
        """See `TrainingCallback`."""
        loss: Any = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if loss is not None:
            self._losses.append((trainer.global_step, loss.detach()))
            if not loss.is_cuda or len(self._losses) == _STEPS_BETWEEN_LOOKS:
                self._look()

    def on_train_end(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        del trainer
        self._look()

    def _look(self) -> None:
        losses, self._losses = self._losses, []
        for step, loss in losses:
            value = float(loss.sum())
            if not math.isfinite(value):
                raise InfeasibleArchitecture(f"the training loss is {value} at step {step}")


_MOMENTS = {
    "setup": 0,
    "on_train_start": 0,
    "on_train_batch_start": 0,
    "on_train_batch_end": 1,
    "on_validation_start": 0,
    "on_validation_end": 0,
    "on_train_epoch_end": 0,
    "on_train_end": 0,
    "on_save_checkpoint": 1,
}
"""Lightning's hooks, and how many of their arguments after trainer and module parts are given."""


def callback(package: str, parts: Sequence[TrainingCallback], name: str = "TrainingParts") -> Any:
    """A Lightning callback of `package` that runs `parts`, in order, at each moment.

    One callback, however many parts: Lightning goes through all callbacks at each of its hooks.
    Where a Trainer has several, each needs a `name` of its own, which checkpoints know it by.
    """
    made = _callback_class(package, name)()
    made.parts = parts
    return made


@cache
def _callback_class(package: str, name: str) -> Any:
    def state_dict(self: Any) -> dict[str, Any]:
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self: Any, state: dict[str, Any]) -> None:
        for part, part_state in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(part_state)

    hooks = {name: _hook(name, count) for name, count in _MOMENTS.items()}
    methods = {**hooks, "state_dict": state_dict, "load_state_dict": load_state_dict}
    return type(name, (import_module(package).Callback,), methods)


def _hook(name: str, count: int) -> Callable[..., None]:
    def hook(self: Any, trainer: Any, _: Any, *arguments: Any, **__: Any) -> None:
        for part in self.parts:
            getattr(part, name)(trainer, *arguments[:count])

    return hook


def floats(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Lightning's metrics as plain numbers."""
    return {name: float(value) for name, value in metrics.items()}
