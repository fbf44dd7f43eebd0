"""Spoken digits as one search over training lengths, from the training script to the winner.

``RAYNAS_DATA`` names the folder of the data, see `speech.py`. Takes 10 to 14 of every speaker and
digit are to validate full trainings on, takes 0 to 9 to test the winner on, which no search sees,
and the others to train on.
"""

import os
from pathlib import Path

import numpy as np
import torch
from classifier import Classifier
from speech import SpeechNet, SpokenDigits
from torch.utils.data import DataLoader, TensorDataset

import raynas as nas


class SpokenDigitsInThree(SpokenDigits):
    """2,100 clips to train on, 300 to validate and 600 to test on."""

    def setup(self, stage: str) -> None:
        """Read the file."""
        with np.load(Path(os.environ["RAYNAS_DATA"], "data_fsdd_logmel.npz")) as file:
            clips = torch.tensor(file["x"], dtype=torch.float32).reshape(-1, 32, 32)
            digits, take = torch.tensor(file["y"], dtype=torch.long), torch.tensor(file["take"])
        train, test = take >= 15, take < 10
        clips = (clips - clips[train].mean()) / clips[train].std()
        self.train = TensorDataset(clips[train], digits[train])
        self.validation = TensorDataset(clips[~train & ~test], digits[~train & ~test])
        self.test = TensorDataset(clips[test], digits[test])

    def train_dataloader(self) -> DataLoader:
        """Batches of 32."""
        return DataLoader(self.train, batch_size=32, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        """One batch."""
        return DataLoader(self.validation, batch_size=300)


search = nas.Search(
    space=SpeechNet,
    task=nas.LightningTask(Classifier, SpokenDigitsInThree, "accuracy", max_steps=45),
    full=nas.LightningTask(
        Classifier, SpokenDigitsInThree, "accuracy", max_steps=450, validation="own"
    ),
    budgets=(1 / 10, 1 / 3, 1),
    limits=nas.Limits(trainings=6, parallel=1),
)
