"""Convolutions for scikit-learn's 1,797 digits of 8 x 8 pixels, in full in some ten seconds.

Full training is 1,500 steps of 64 images.
"""

import pytorch_lightning as pl
import torch
from classifier import Classifier, Residual
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.space import choice, repeat, searchable

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "silu": nn.SiLU}


@searchable
class Layer:
    """A convolution that may be separable, and what follows it."""

    kernel: int = choice(1, 3, 5, default=3)
    separable: bool = choice(False, True, default=False)
    residual: bool = choice(False, True, default=False)

    def build(self, width: int, activation: type[nn.Module]) -> nn.Module:
        """The layer, which keeps shape and width."""
        groups = width if self.separable else 1
        layer = nn.Sequential(
            nn.Conv2d(width, width, self.kernel, padding=self.kernel // 2, groups=groups),
            nn.BatchNorm2d(width),
            activation(),
        )
        return Residual(layer) if self.residual else layer


@searchable
class DigitsNet:
    """Layers of one width, a pooling, a head."""

    width: int = choice(2, 4, 8, 16, 32, default=16)
    activation: str = choice("relu", "tanh", "silu", default="relu")
    pool: str = choice("average", "max", default="average")
    side: int = choice(1, 2, default=2)
    layers: tuple[Layer, ...] = repeat(Layer, 1, 4, default=(Layer(), Layer()))

    def build(self, width_factor: float = 1.0) -> nn.Module:
        """The network; the factor scales its width."""
        width = max(2, round(self.width * width_factor))
        activation = ACTIVATIONS[self.activation]
        pool = nn.AdaptiveAvgPool2d if self.pool == "average" else nn.AdaptiveMaxPool2d
        return nn.Sequential(
            nn.Conv2d(1, width, 1),
            *(layer.build(width, activation) for layer in self.layers),
            pool(self.side),
            nn.Flatten(),
            nn.Linear(self.side**2 * width, 10),
        )


class Digits(pl.LightningDataModule):
    """1,257 images to train on, 540 to test on."""

    def setup(self, stage: str) -> None:
        """Split them, classes alike."""
        digits = load_digits()
        images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
        labels = torch.tensor(digits.target, dtype=torch.long)
        parts = train_test_split(
            range(len(labels)), test_size=0.3, random_state=0, stratify=digits.target
        )
        self.train, self.test = (TensorDataset(images[part], labels[part]) for part in parts)

    def train_dataloader(self) -> DataLoader:
        """Batches of 64."""
        return DataLoader(self.train, batch_size=64, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """One batch."""
        return DataLoader(self.test, batch_size=540)


search = nas.Search(
    space=DigitsNet,
    task=nas.LightningTask(Classifier, Digits, "accuracy", max_steps=50, validation_share=0.2),
    full=nas.LightningTask(
        Classifier, Digits, "accuracy", max_steps=1500, validation="own", validation_share=0.2
    ),
)
