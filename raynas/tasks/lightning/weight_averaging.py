"""Validate on averaged weights: scores that depend less on where the last step happened to go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from raynas.tasks.lightning.training_callback import TrainingCallback

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Average", "Averaging"]

Average: TypeAlias = Literal["ema", "swa"]

_EMA_SHARE = 0.05  # of the training, as a time constant; chosen by hand
_SWA_START = 0.75  # of the training: Izmailov et al. 2018, section 4, use the last quarter


class Averaging(TrainingCallback):
    """Keeps an average of weights and buffers, and puts it in place for each validation.

    ``"ema"``: exponential, over about the last 5 % of the budget; at step t the newest weights
    count for the larger of 20 / max_steps and 9 / (9 + t), so that the first ones are soon
    forgotten. Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging";
    Tan and Le 2019, "EfficientNet", section 5, use it for training in full.

    ``"swa"``: the plain mean over the last quarter of the steps, and the newest weights before.
    Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization",
    algorithm 1, but on the schedule as it is.

    Running statistics of batch normalization are averaged alike, instead of being estimated anew.
    """

    def __init__(self, average: Average, max_steps: int) -> None:
        self.average = average
        self.max_steps = max_steps
        self._averages: list[Tensor] = []
        self._newest: list[Tensor] = []
        self._step = 0

    def on_train_start(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        live = list(_tensors(trainer))
        if not self._averages:
            self._averages = [tensor.detach().clone() for tensor in live]
        pairs = zip(self._averages, live, strict=True)
        self._averages = [average.to(tensor.device) for average, tensor in pairs]

    def on_train_batch_end(self, trainer: Any, outputs: Any) -> None:
        """See `TrainingCallback`."""
        import torch

        del outputs
        steps = trainer.raynas_budget.steps  # of several optimizers, global_step counts each
        if steps == self._step:
            return
        self._step = steps
        share = self.share(self._step)
        with torch.no_grad():
            for average, tensor in zip(self._averages, _tensors(trainer), strict=True):
                average.lerp_(tensor.to(average.dtype), share)

    def share(self, step: int) -> float:
        """What part of the average the weights after `step` make."""
        if self.average == "ema":
            return max(1 / max(1.0, _EMA_SHARE * self.max_steps), 9 / (9 + step))
        return 1 / max(1.0, step - _SWA_START * self.max_steps + 1)

    def on_validation_start(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        self._newest = [tensor.detach().clone() for tensor in _tensors(trainer)]
        _put(self._averages, trainer)

    def on_validation_end(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        _put(self._newest, trainer)
        self._newest = []

    def state_dict(self) -> Any:
        """See `TrainingCallback`."""
        return {"averages": self._averages, "step": self._step}

    def load_state_dict(self, state: Any) -> None:
        """See `TrainingCallback`."""
        self._averages, self._step = list(state["averages"]), state["step"]


def _tensors(trainer: Any) -> Iterator[Tensor]:
    """Parameters and buffers of floating point."""
    module = trainer.lightning_module
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            yield tensor


def _put(values: list[Tensor], trainer: Any) -> None:
    import torch

    with torch.no_grad():
        for tensor, value in zip(_tensors(trainer), values, strict=True):
            tensor.copy_(value)
