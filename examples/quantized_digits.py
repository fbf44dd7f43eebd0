"""Bits of each block beside its shape: accuracy against size, `raynas search` on this file.

Needs torchao: ``pip install 'raynas[quantization]'``.
"""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.meters import CostMeter, SizeMeter
from raynas.quantization import quantized
from raynas.space import choice, integer, repeat, searchable


@searchable
class Block:
    kernel: int = choice(3, 5)
    bits: int = choice(32, 8, 4, 2)

    def build(self, width: int) -> nn.Module:
        block = nn.Sequential(
            nn.Conv2d(width, width, self.kernel, padding="same", bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        return quantized(block, self.bits)


@searchable
class QuantizedNet:
    width: int = integer(8, 32, step=8)
    blocks: tuple[Block, ...] = repeat(Block, 1, 3)
    head_bits: int = choice(32, 8)

    def build(self) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, self.width, 3, padding="same"),
            *(block.build(self.width) for block in self.blocks),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            quantized(nn.Linear(4 * self.width, 10), self.head_bits),
        )


class Classifier(pl.LightningModule):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        images, labels = batch
        return nn.functional.cross_entropy(self.network(images), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, labels = batch  # the network has its bits here
        accuracy = (self.network(images).argmax(dim=1) == labels).float().mean()
        self.log("val_accuracy", accuracy)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=3e-3)


class DigitsData(pl.LightningDataModule):
    def setup(self, stage: str) -> None:
        digits = load_digits()
        images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
        labels = torch.tensor(digits.target)
        train, test = train_test_split(range(len(labels)), test_size=0.2, random_state=0)
        self.train = TensorDataset(images[train], labels[train])
        self.test = TensorDataset(images[test], labels[test])

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, batch_size=64, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.test, batch_size=360)


search = nas.Search(
    space=QuantizedNet,
    task=nas.meters.Measured(
        nas.LightningTask(Classifier, DigitsData, metric="val_accuracy", max_steps=60),
        CostMeter(),
        SizeMeter(),
        bounds=[nas.rewards.AtMost("weight_bytes", 40_000)],
    ),
    reward=nas.rewards.Pareto(
        nas.rewards.Metric("val_accuracy"), nas.rewards.Metric("weight_bytes", "min")
    ),
    resources=nas.Resources(cpu=1),
    limits=nas.Limits(trials=40, parallel=2),
)
