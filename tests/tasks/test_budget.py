"""The step budget: what it refuses, since schedules over epochs would not end with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import raynas as nas
from raynas.errors import TaskError
from raynas.space import integer, searchable

BATCH = 4


@searchable
class Net:
    width: int = integer(1, 4)


class Module(pl.LightningModule):
    def __init__(self, _: Net) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        return self.layer(batch[0]).square().mean()

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", self.layer(batch[0]).square().mean())

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class ByEpochs(Module):
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        epochs = self.trainer.max_epochs
        return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)]


class EndsAnEpochEarly(ByEpochs):
    def on_train_batch_start(self, batch: Any, index: int) -> int | None:
        return -1 if self.current_epoch == 1 and index == 2 else None


class Data(pl.LightningDataModule):
    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.ones(6 * BATCH, 2)), BATCH)

    def val_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.ones(BATCH, 2)), BATCH)


class Shrinks(Data):
    def train_dataloader(self) -> Any:
        assert self.trainer is not None
        batches = 6 if self.trainer.current_epoch == 0 else 3
        return DataLoader(TensorDataset(torch.ones(batches * BATCH, 2)), BATCH)


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter([[one] for one in torch.ones(6 * BATCH, 2)])


class Streams(Data):
    def train_dataloader(self) -> Any:
        return DataLoader(Stream(), BATCH)


def run(module: Any, data: Any, **trainer: Any) -> Any:
    task = nas.LightningTask(
        module,
        data,
        "val_loss",
        max_steps=18,
        evaluations=2,
        mode="min",
        validation="own",
        schedule="none",
        trainer=trainer,
    )
    return task.run(Net(1), nas.Context())


def test_epochs_of_other_lengths_are_refused_where_a_schedule_goes_by_epochs() -> None:
    message = (
        r"max_epochs: epoch 2 ended at step 9, not 12, so that a schedule over epochs would not "
        r"end with max_steps=18; make it from self.trainer.max_steps, by step"
    )
    with pytest.raises(TaskError, match=message):
        run(ByEpochs, Shrinks, reload_dataloaders_every_n_epochs=1)
    with pytest.raises(TaskError, match="epoch 2 ended at step 8, not 12"):
        run(EndsAnEpochEarly, Data)


def test_they_are_fine_without_such_a_schedule() -> None:
    assert run(Module, Shrinks, reload_dataloaders_every_n_epochs=1).steps == 18


def test_a_stream_s_number_of_epochs_is_unknown() -> None:
    with pytest.raises(TaskError, match="a stream of unknown length, so the number of epochs in m"):
        run(ByEpochs, Streams)
    assert run(ByEpochs, Streams, limit_train_batches=6).steps == 18


def test_a_progress_bar_needs_no_number_of_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Module, Streams, enable_progress_bar=True).steps == 18
    assert re.search(r"Epoch 2[: ].*6/", "".join(capsys.readouterr()))


def test_a_plateau_by_step_is_validated_for_a_metric_of_validation_only() -> None:
    """Otherwise validations between the evaluations would change the training."""

    class Plateau(Module):
        validated: list[int] = []  # noqa: RUF012 - of all instances
        monitor = "val_loss"

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            loss = super().training_step(batch, index)
            self.log("train_loss", loss)
            return loss

        def on_validation_epoch_start(self) -> None:
            self.validated.append(self.trainer.global_step)

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
            schedule = {"scheduler": plateau, "monitor": self.monitor, "interval": "step"}
            return [optimizer], [{**schedule, "frequency": 3}]

    run(Plateau, Data)
    assert Plateau.validated == [3, 6, 9, 12, 15, 18]
    Plateau.validated, Plateau.monitor = [], "train_loss"
    run(Plateau, Data)
    assert Plateau.validated == [9, 18]
