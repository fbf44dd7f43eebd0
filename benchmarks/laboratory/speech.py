"""Time convolutions for spoken digits: 3,000 clips as log-mels, in full in about half a minute.

``RAYNAS_DATA`` names a folder with ``data_fsdd_logmel.npz``: log-mels of 32 bands and 32 frames of
the Free Spoken Digit Dataset, with ``x``, ``y`` and ``take``; takes below 5 are the test part.
Full training is 1,500 steps of 64 clips.
"""

import os
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from classifier import Classifier, Residual
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas
from raynas.space import choice, repeat, searchable


@searchable
class Temporal:
    """A convolution over time."""

    kernel: int = choice(1, 3, 5, 9, default=3)
    dilation: int = choice(1, 2, default=1)
    residual: bool = choice(False, True, default=False)

    def build(self, width: int) -> nn.Module:
        """The layer, which keeps width and length."""
        padding = self.dilation * (self.kernel // 2)
        layer = nn.Sequential(
            nn.Conv1d(width, width, self.kernel, padding=padding, dilation=self.dilation),
            nn.BatchNorm1d(width),
            nn.ReLU(),
        )
        return Residual(layer) if self.residual else layer


@searchable
class SpeechNet:
    """Mel bands as channels, layers over time, a pooling over all of it."""

    width: int = choice(4, 8, 16, 32, 64, default=32)
    pool: str = choice("average", "max", default="average")
    layers: tuple[Temporal, ...] = repeat(Temporal, 1, 5, default=(Temporal(), Temporal()))

    def build(self, width_factor: float = 1.0) -> nn.Module:
        """The network; the factor scales its width."""
        width = max(2, round(self.width * width_factor))
        pool = nn.AdaptiveAvgPool1d if self.pool == "average" else nn.AdaptiveMaxPool1d
        return nn.Sequential(
            nn.Conv1d(32, width, 1),
            *(layer.build(width) for layer in self.layers),
            pool(2),
            nn.Flatten(),
            nn.Linear(2 * width, 10),
        )


class SpokenDigits(pl.LightningDataModule):
    """2,700 clips to train on, 300 to test on."""

    def setup(self, stage: str) -> None:
        """Read the file."""
        with np.load(Path(os.environ["RAYNAS_DATA"], "data_fsdd_logmel.npz")) as file:
            clips = torch.tensor(file["x"], dtype=torch.float32).reshape(-1, 32, 32)
            digits = torch.tensor(file["y"], dtype=torch.long)
            test = torch.tensor(file["take"] < 5)
        clips = (clips - clips.mean()) / clips.std()
        self.train = TensorDataset(clips[~test], digits[~test])
        self.test = TensorDataset(clips[test], digits[test])

    def train_dataloader(self) -> DataLoader:
        """Batches of 64."""
        return DataLoader(self.train, batch_size=64, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """One batch."""
        return DataLoader(self.test, batch_size=300)


search = nas.Search(
    space=SpeechNet,
    task=nas.LightningTask(Classifier, SpokenDigits, "accuracy", max_steps=50),
    full=nas.LightningTask(Classifier, SpokenDigits, "accuracy", max_steps=1500, validation="own"),
)
