"""A chain for `stage_gains.py`: a network for few spoken digits, and then their augmentation.

``RAYNAS_DATA`` names the folder of the data, see `laboratory/speech.py`. There are 525 clips to
train on, every fourth of `laboratory/speech_budgets.py`; a full training is validated on the 300
clips of that file. What a trial holds out is a part of the 525.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "laboratory"))

from classifier import Classifier
from speech import SpeechNet
from speech_budgets import SpokenDigitsInThree
from torch.utils.data import DataLoader, Subset

import raynas as nas
from raynas.augmentation import SpectrogramRandAugment
from raynas.stages import Augmentation


class FewSpokenDigits(SpokenDigitsInThree):
    """525 clips to train on, 300 to validate on."""

    def train_dataloader(self) -> DataLoader:
        """Batches of 32."""
        few = Subset(self.train, range(0, len(self.train), 4))
        return DataLoader(few, batch_size=32, shuffle=True)


search = nas.Stages(
    {
        "architecture": nas.Search(
            space=SpeechNet,
            task=nas.LightningTask(Classifier, FewSpokenDigits, "accuracy", max_steps=90),
            full=nas.LightningTask(
                Classifier, FewSpokenDigits, "accuracy", max_steps=450, validation="own"
            ),
            limits=nas.Limits(trials=20),
        ),
        "augmentation": Augmentation(
            policy=SpectrogramRandAugment, data_fraction=0.5, limits=nas.Limits(trials=31)
        ),
    }
)
