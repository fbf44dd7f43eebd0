"""A small search, and modules with known faults, for the tests before a search."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from raynas import LightningTask, Limits, Search, Space
from raynas.space import choice, searchable


@searchable
class Net:
    width: int = choice(4, 16, 64, default=16)

    def build(self) -> nn.Module:
        return nn.Sequential(nn.Linear(2, self.width), nn.BatchNorm1d(self.width), nn.ReLU(),
                             nn.Linear(self.width, 2))  # fmt: skip


def circle(count: int, seed: int) -> TensorDataset:
    """Inside a circle or not: what a linear layer cannot learn, and a quarter of it is chance."""
    inputs = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(inputs, (inputs.norm(dim=1) < 1.18).long())


class Data(pl.LightningDataModule):
    def train_dataloader(self) -> Any:
        return DataLoader(circle(512, 0), batch_size=32, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(circle(400, 1), batch_size=400)


class Module(pl.LightningModule):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: Any, index: int) -> Tensor:
        return nn.functional.cross_entropy(self.network(batch[0]), batch[1])

    def validation_step(self, batch: Any, index: int) -> None:
        logits = self.network(batch[0])
        self.log("accuracy", (logits.argmax(1) == batch[1]).float().mean())
        self.log("loss", nn.functional.cross_entropy(logits, batch[1]))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=0.02)


class TooLarge(Module):
    """Has no memory for more than 16 examples."""

    def training_step(self, batch: Any, index: int) -> Tensor:
        if len(batch[0]) > 16:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return super().training_step(batch, index)


class Hanging(Module):
    def training_step(self, batch: Any, index: int) -> Tensor:
        threading.Event().wait()
        raise AssertionError


class NeverSteps(Module):
    """Optimizes by hand, and forgets to."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.automatic_optimization = False

    def training_step(self, batch: Any, index: int) -> Tensor:
        return super().training_step(batch, index)


class HangingData(Data):
    def train_dataloader(self) -> Any:
        class Stuck(TensorDataset):
            def __getitem__(self, index: int) -> Any:
                threading.Event().wait()

        return DataLoader(Stuck(*circle(512, 0).tensors), batch_size=32)


def small_search(
    folder: Path, module: Any = Module, data: Any = Data, metric: str = "accuracy", **given: Any
) -> Search:
    return Search(
        space=Space(Net),
        task=LightningTask(module, data, metric, 30, accelerator="cpu", **given),
        full=LightningTask(module, data, metric, 90, validation="own", accelerator="cpu", **given),
        limits=Limits(trials=60, parallel=2),
        folder=folder,
        name="small",
    )
