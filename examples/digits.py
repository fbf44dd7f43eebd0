"""Search a small network for scikit-learn's 8 x 8 digits: `raynas search examples/digits.py`."""

import pytorch_lightning as pl
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.space import choice, integer, repeat, searchable

ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU}


@searchable
class Conv:
    kernel: int = choice(3, 5)
    activation: str = choice("relu", "silu")

    def build(self, width: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(width, width, self.kernel, padding="same", bias=False),
            nn.BatchNorm2d(width),
            ACTIVATIONS[self.activation](),
        )


@searchable
class Skip:
    def build(self, width: int) -> nn.Module:
        return nn.Identity()


@searchable
class DigitsNet:
    width: int = integer(8, 64, step=8)
    blocks: tuple[Conv | Skip, ...] = repeat(choice(Conv, Skip), 1, 4)

    def build(self) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, self.width, 3, padding="same"),
            *(block.build(self.width) for block in self.blocks),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * self.width, 10),
        )


class Classifier(pl.LightningModule):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        images, labels = batch
        return nn.functional.cross_entropy(self.network(images), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        images, labels = batch
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
    space=nas.Space(DigitsNet, baseline=DigitsNet(32, (Conv(3, "relu"), Conv(3, "relu")))),
    task=nas.LightningTask(
        module=Classifier, data=DigitsData, metric="val_accuracy", max_steps=60, evaluations=4
    ),
    full=nas.LightningTask(
        module=Classifier,
        data=DigitsData,
        metric="val_accuracy",
        max_steps=600,
        validation="own",
        evaluations=4,
    ),
    resources=nas.Resources(cpu=1),
    limits=nas.Limits(trials=60, parallel=2),
)
