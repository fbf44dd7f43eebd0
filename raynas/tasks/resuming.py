"""Go on with a training in its middle, as if it had never been interrupted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from raynas.tasks.announce import announce
from raynas.tasks.base import Context
from raynas.tasks.random_state import random_state, set_random_state
from raynas.tasks.training_parts import Part

__all__ = ["Checkpoints", "ResumableLoader", "read_checkpoint"]

_KEY = "raynas"
_BATCHES = "epoch_loop.batch_progress"
_HYPERPARAMETERS = {"hyper_parameters", "hparams_name", "hparams_type"}


class ResumableLoader:
    """A loader of batches that can begin in the middle of an epoch.

    The order of an epoch is drawn from the global generators when its first batch is asked for. So
    their states are kept from then, and from before the present batch; to go on, they are set as
    they were at either, and the batches that were had already are drawn and dropped.

    Args:
        loader: What gives the batches.
        position: What `position` was; None to begin at the beginning.
    """

    def __init__(self, loader: Any, position: dict[str, Any] | None = None) -> None:
        self.loader = loader
        self.position: dict[str, Any] = {}
        self._resume = position

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        """An epoch, or the rest of the one that is resumed.

        Nothing happens before the first batch is asked for: Lightning makes an iterator or two
        that it never uses.
        """
        resumed, self._resume = self._resume, None
        if resumed is not None:
            set_random_state(resumed["at_first"])
        at_first, had = random_state(), 0
        batches = iter(self.loader)
        if resumed is not None:
            while had < resumed["had"]:
                next(batches)
                had += 1
            set_random_state(resumed["now"])
        while True:
            self.position = {"at_first": at_first, "now": random_state(), "had": had}
            try:
                batch = next(batches)
            except StopIteration:
                return
            yield batch
            had += 1


class Checkpoints(Part):
    """Keeps the whole state of the training every so many steps.

    It does so before a step rather than after one, when a validation that was due is over too.

    Args:
        context: Takes the files.
        loader: What the training reads.
        every: Steps from one checkpoint to the next.
        identity: What a training must have in common with this one to be resumed as it.
    """

    def __init__(
        self, context: Context, loader: ResumableLoader, every: int, identity: str
    ) -> None:
        self.context = context
        self.loader = loader
        self.every = every
        self.identity = identity
        self._kept = 0

    def on_train_start(self, trainer: Any) -> None:
        """See `Part`."""
        self._kept = trainer.global_step // self.every

    def on_train_batch_start(self, trainer: Any) -> None:
        """See `Part`."""
        if trainer.global_step // self.every == self._kept:
            return
        self._kept = trainer.global_step // self.every
        with tempfile.TemporaryDirectory(prefix="raynas-checkpoint-") as folder:
            path = Path(folder, "trial.ckpt")
            trainer.save_checkpoint(path)
            self.context.keep(path)

    def on_save_checkpoint(self, trainer: Any, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not save, and make its count that of the finished steps."""
        del trainer
        checkpoint[_KEY] = {"identity": self.identity, "loader": self.loader.position}
        for key in _HYPERPARAMETERS & set(checkpoint):  # which may be anything at all
            del checkpoint[key]
        batches = checkpoint["loops"]["fit_loop"][_BATCHES]
        batches["is_last_batch"] = False
        for count in (batches["total"], batches["current"]):
            count.update(dict.fromkeys(("ready", "started", "processed"), count["completed"]))


def read_checkpoint(path: Path | None, identity: str) -> dict[str, Any] | None:
    """The position in the data of the checkpoint at `path`; None where there is none of use.

    Nothing but tensors and plain data is ever unpickled. A file that is damaged or of another
    training is passed over, with a warning: its trial begins anew.
    """
    import torch

    if path is None:
        return None
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True)[_KEY]
        known, position = kept["identity"], dict(kept["loader"])
    except Exception as error:
        first = str(error).partition("\n")[0]
        announce("checkpoint passed over, %s: %s", type(error).__name__, first)
        return None
    if known != identity:
        announce("checkpoint passed over, of another training: %s", known)
        return None
    return position
