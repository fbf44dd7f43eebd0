"""A convolutional space for MNIST, small enough to train in full on one core in seconds.

``RAYNAS_DATA`` names a folder with ``data_mnist.npz``, which holds ``x_train``, ``y_train``,
``x_test`` and ``y_test`` as in Keras's ``mnist.npz``. Full training is 6,000 steps of 32 examples.
"""

import os
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from classifier import Classifier
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.space import choice, repeat, searchable

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


@searchable
class Conv:
    """A convolution, its normalization and activation."""

    kernel: int = choice(1, 3, 5, default=3)
    separable: bool = choice(False, True, default=False)
    norm: bool = choice(True, False, default=True)

    def build(self, width: int, activation: type[nn.Module]) -> nn.Module:
        """The layers, which keep shape and width."""
        kernel = self.kernel
        if self.separable:
            layers = [
                nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width),
                nn.Conv2d(width, width, 1),
            ]
        else:
            layers = [nn.Conv2d(width, width, kernel, padding=kernel // 2)]
        return nn.Sequential(*layers, *([nn.BatchNorm2d(width)] if self.norm else []), activation())


@searchable
class MnistNet:
    """A stem that halves the image, blocks with a pooling in their middle, and a head."""

    width: int = choice(4, 8, 16, 24, default=16)
    stem: int = choice(2, 3, 5, default=3)
    activation: str = choice("relu", "tanh", default="relu")
    pool: str = choice("max", "average", default="max")
    blocks: tuple[Conv, ...] = repeat(Conv, 1, 4, default=(Conv(), Conv()))

    def build(self, width_factor: float = 1.0, depth_factor: float = 1.0) -> nn.Module:
        """The network; the factors scale width and number of blocks."""
        width = max(2, round(self.width * width_factor))
        blocks = self.blocks[: max(1, round(len(self.blocks) * depth_factor))]
        activation = ACTIVATIONS[self.activation]
        layers = [block.build(width, activation) for block in blocks]
        pool = nn.MaxPool2d(2) if self.pool == "max" else nn.AvgPool2d(2)
        layers.insert((len(layers) + 1) // 2, pool)
        return nn.Sequential(
            nn.Conv2d(1, width, self.stem, stride=2, padding=self.stem // 2),
            activation(),
            *layers,
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * width, 10),
        )


class MnistClassifier(Classifier):
    """With a rate of its own."""

    learning_rate = 4e-3


class Mnist(pl.LightningDataModule):
    """The 60,000 and 10,000 digits."""

    def setup(self, stage: str) -> None:
        """Read the file."""
        with np.load(Path(os.environ["RAYNAS_DATA"], "data_mnist.npz")) as file:
            self.parts = {part: self._part(file, part) for part in ("train", "test")}

    def _part(self, file: object, part: str) -> TensorDataset:
        images = torch.tensor(file[f"x_{part}"], dtype=torch.float32)[:, None] / 255 - 0.13
        return TensorDataset(images, torch.tensor(file[f"y_{part}"], dtype=torch.long))

    def train_dataloader(self) -> DataLoader:
        """Batches of 32."""
        return DataLoader(self.parts["train"], batch_size=32, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """Batches of 1,000."""
        return DataLoader(self.parts["test"], batch_size=1000)


search = nas.Search(
    space=MnistNet,
    task=nas.LightningTask(
        MnistClassifier, Mnist, "accuracy", max_steps=200, validation_share=0.02
    ),
    full=nas.LightningTask(
        MnistClassifier, Mnist, "accuracy", max_steps=6000, validation="own", validation_share=0.02
    ),
)
