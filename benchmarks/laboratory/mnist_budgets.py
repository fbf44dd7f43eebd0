"""MNIST as one search over training lengths, from the training script to the winner.

``RAYNAS_DATA`` names the folder of the data, see `mnist.py`. Full trainings are validated on every
twelfth of the training images; the test images are for the winner, and no search sees them.
"""

import torch
from mnist import Mnist, MnistClassifier, MnistNet
from torch.utils.data import DataLoader, Subset

import raynas as nas


class MnistInThree(Mnist):
    """55,000 digits to train on, 5,000 to validate and 10,000 to test on."""

    def setup(self, stage: str) -> None:
        """Read the file."""
        super().setup(stage)
        whole, self.test = self.parts["train"], self.parts["test"]
        places = torch.arange(len(whole))
        held_out = places % 12 == 0
        self.parts["train"] = Subset(whole, places[~held_out].tolist())
        self.parts["validation"] = Subset(whole, places[held_out].tolist())

    def val_dataloader(self) -> DataLoader:
        """Batches of 1,000."""
        return DataLoader(self.parts["validation"], batch_size=1000)


search = nas.Search(
    space=MnistNet,
    task=nas.LightningTask(
        MnistClassifier, MnistInThree, "accuracy", max_steps=75, validation_share=0.02
    ),
    full=nas.LightningTask(
        MnistClassifier, MnistInThree, "accuracy", max_steps=750, validation="own"
    ),
    budgets=(1 / 10, 1 / 3, 1),
    limits=nas.Limits(trainings=6, parallel=1),
)
