"""Three searches in a row on handwritten digits: `raynas search examples/stages.py`.

The architecture first, as in `examples/digits.py`; then how to augment the data for the best
architecture; then its learning rate, weight decay and schedule.
"""

from dataclasses import replace

from digits import search as digits

import raynas as nas
from raynas.augmentation import ImageRandAugment
from raynas.stages import Augmentation, Retuning

search = nas.Stages(
    {
        "architecture": replace(digits, limits=nas.Limits(trials=40, parallel=2)),
        "augmentation": Augmentation(
            policy=ImageRandAugment,
            data_fraction=0.25,
            limits=nas.Limits(trials=16, parallel=2),
        ),
        "settings": Retuning(limits=nas.Limits(trials=20, parallel=2)),
    }
)
