"""Networks, modules and data that need no file: images of random numbers with learnable classes."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from raynas.space import integer, searchable

__all__ = ["CLASSES", "Classifier", "CompiledNet", "Images", "Net", "data"]

CLASSES = 10


@searchable
class Net:
    """A convolutional network; `width` decides what it costs."""

    width: int = integer(8, 512, step=8)
    depth: int = integer(1, 8)

    def build(self) -> nn.Module:
        """See `Task`."""
        layers: list[nn.Module] = [nn.Conv2d(3, self.width, 3, padding=1)]
        for _ in range(self.depth):
            layers += [
                nn.Conv2d(self.width, self.width, 3, padding=1, bias=False),
                nn.BatchNorm2d(self.width),
                nn.ReLU(),
            ]
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(self.width, CLASSES)]
        return nn.Sequential(*layers, *head)


@searchable
class CompiledNet(Net):
    """The same network through `torch.compile`, which captures its graph and compiles nothing."""

    def build(self) -> nn.Module:
        """See `Task`."""
        compiled: nn.Module = torch.compile(super().build(), backend="eager")
        return compiled


class Classifier(pl.LightningModule):
    """Cross-entropy by Adam; logs what precision it computed in."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """See Lightning."""
        images, labels = batch
        output = self.network(images)
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        self.log("bits", float(torch.finfo(output.dtype).bits))
        self.log("bfloat16", float(output.dtype == torch.bfloat16))
        self.log("loss_scale", 1.0 if scaler is None else float(scaler.get_scale()))
        return nn.functional.cross_entropy(output, labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """See Lightning."""
        images, labels = batch
        output = self.network(images)
        self.log("val_loss", nn.functional.cross_entropy(output, labels))
        self.log("val_accuracy", (output.argmax(dim=1) == labels).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """See Lightning."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class Images(pl.LightningDataModule):
    """Noise around a mean image of each class.

    Args:
        count: Examples to train on; a quarter as many are validated on.
        size: Pixels a side.
        batch: Examples a step.
    """

    def __init__(self, count: int, size: int, batch: int) -> None:
        super().__init__()
        self.count, self.size, self.batch = count, size, batch

    def _set(self, count: int, seed: int) -> TensorDataset:
        means = torch.randn(CLASSES, 3, self.size, self.size, generator=_generator(0))
        labels = torch.randint(CLASSES, (count,), generator=_generator(seed))
        noise = torch.randn(count, 3, self.size, self.size, generator=_generator(seed + 1))
        return TensorDataset(means[labels] + 2 * noise, labels)

    def train_dataloader(self) -> Any:
        """See Lightning."""
        return DataLoader(self._set(self.count, 1), batch_size=self.batch, shuffle=True)

    def val_dataloader(self) -> Any:
        """See Lightning."""
        return DataLoader(self._set(self.count // 4, 3), batch_size=self.batch)


def data(count: int = 512, size: int = 16, batch: int = 64) -> Any:
    """A function that makes `Images`, as tasks take it."""

    def make() -> Images:
        return Images(count, size, batch)

    return make


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
