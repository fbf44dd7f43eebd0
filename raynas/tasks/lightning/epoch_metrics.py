"""What a training has logged and added up over its present epoch, kept in checkpoints.

Lightning saves neither the sums behind ``self.log(..., on_epoch=True)`` nor the last values of
`trainer.callback_metrics`, and torchmetrics does not save states of metrics either, so that a
training that goes on in the middle of an epoch would report the mean of the rest of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raynas.tasks.lightning.training_callback import TrainingCallback

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EpochMetrics"]

_SUMS = ("value", "cumulated_batch_size")


class EpochMetrics(TrainingCallback):
    """Saves and restores logged metrics, sums over the epoch, and the states of torchmetrics."""

    def __init__(self) -> None:
        self._trainer: Any = None
        self._saved: dict[str, Any] = {}

    def on_train_start(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        self._trainer = trainer
        if not self._saved:
            return
        saved, self._saved = self._saved, {}
        trainer._logger_connector._callback_metrics.update(saved["logged"])
        results = trainer.fit_loop.epoch_loop._results
        results.__class__ = _resumed_class(type(results))
        results.resumed = saved["sums"]
        for name, metric in _torchmetrics(trainer.lightning_module):
            for state, value in saved["states"].get(name, {}).items():
                setattr(metric, state, value)
            metric._update_count = saved["updates"].get(name, 0)

    def on_train_batch_end(self, trainer: Any, outputs: Any) -> None:
        """See `TrainingCallback`."""
        del outputs
        trainer.fit_loop._restarting = False  # or plateau schedulers would not step this epoch

    def state_dict(self) -> Any:
        """See `TrainingCallback`."""
        if self._trainer is None:
            return {}
        results = self._trainer.fit_loop.epoch_loop._results
        metrics = dict(_torchmetrics(self._trainer.lightning_module))
        return {
            "logged": dict(self._trainer.callback_metrics),
            "sums": {
                key: {name: getattr(result, name) for name in _SUMS if hasattr(result, name)}
                for key, result in results.items()
                if result.is_tensor and not result.has_reset
            },
            "states": {name: dict(metric.metric_state) for name, metric in metrics.items()},
            "updates": {name: metric.update_count for name, metric in metrics.items()},
        }

    def load_state_dict(self, state: Any) -> None:
        """See `TrainingCallback`."""
        self._saved = state


def _torchmetrics(module: nn.Module) -> list[tuple[str, Any]]:
    from torchmetrics import Metric

    return [(name, one) for name, one in module.named_modules() if isinstance(one, Metric)]


def _resumed_class(own: type[Any]) -> type[Any]:
    """Lightning's collection of logged values, in which each goes on from its saved sum."""

    def put(self: Any, key: str, result: Any) -> None:
        for name, value in self.resumed.pop(key, {}).items():
            setattr(result, name, value)
        own.__setitem__(self, key, result)

    return type(own.__name__, (own,), {"__setitem__": put, "resumed": {}})
