"""Go on with a training in its middle, as if it had never been interrupted."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raynas.tasks.base import Context
from raynas.tasks.lightning.step_budget import StepBudget
from raynas.tasks.lightning.training_callback import TrainingCallback
from raynas.tasks.log import announce

if TYPE_CHECKING:
    from raynas.tasks.lightning.loader_state import LoaderPositions

__all__ = ["TrainingCheckpoints", "read_checkpoint"]

_KEY = "raynas"
_BATCHES = "epoch_loop.batch_progress"
_HYPERPARAMETERS = {"hyper_parameters", "hparams_name", "hparams_type"}


class TrainingCheckpoints(TrainingCallback):
    """Keeps the whole state of the training every so many steps.

    It does so before a step rather than after one, when a validation that was due is over too.

    Args:
        context: Takes the files.
        budget: Counts the steps.
        positions: Positions of the loaders that the training reads.
        every: Steps from one checkpoint to the next.
        identity: What a training must have in common with this one to be resumed as it.
    """

    def __init__(
        self,
        context: Context,
        budget: StepBudget,
        positions: LoaderPositions,
        every: int,
        identity: str,
    ) -> None:
        self.context = context
        self.budget = budget
        self.positions = positions
        self.every = every
        self.identity = identity
        self._kept = 0
        self._saving = False

    def on_train_start(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        del trainer
        self._kept = self.budget.steps // self.every

    def on_train_batch_start(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        if self.budget.steps // self.every == self._kept:
            return
        self._kept = self.budget.steps // self.every
        with tempfile.TemporaryDirectory(prefix="raynas-checkpoint-") as folder:
            path = Path(folder, "trial.ckpt")
            self._saving = True
            try:
                trainer.save_checkpoint(path)
            finally:
                self._saving = False
            self.context.keep(path)

    def on_train_batch_end(self, trainer: Any, outputs: Any) -> None:
        """See `TrainingCallback`."""
        del trainer, outputs
        self.positions.batch_trained()

    def on_save_checkpoint(self, trainer: Any, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not save, and make its count that of the finished steps.

        Checkpoints that the user's own callbacks save stay as Lightning makes them.
        """
        del trainer
        if not self._saving:
            return
        checkpoint[_KEY] = {"identity": self.identity, "loaders": self.positions.state()}
        for key in _HYPERPARAMETERS & set(checkpoint):  # which may be anything at all
            del checkpoint[key]
        batches = checkpoint["loops"]["fit_loop"][_BATCHES]
        batches["is_last_batch"] = False
        for count in (batches["total"], batches["current"]):
            count.update(dict.fromkeys(("ready", "started", "processed"), count["completed"]))


def read_checkpoint(path: Path | None, identity: str) -> list[Any] | None:
    """The positions in the data of the checkpoint at `path`; None where there is none of use.

    Nothing but tensors and plain data is ever unpickled. A file that is damaged or of another
    training is passed over, with a warning: its trial begins anew.
    """
    import torch

    if path is None:
        return None
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)[_KEY]
        identity_kept, positions = kept["identity"], list(kept["loaders"])
    except Exception as error:
        first = str(error).partition("\n")[0]
        announce("checkpoint passed over, %s: %s", type(error).__name__, first)
        return None
    if identity_kept != identity:
        announce("checkpoint passed over, of another training: %s", identity_kept)
        return None
    return positions
