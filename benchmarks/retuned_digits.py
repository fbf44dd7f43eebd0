"""A chain for `stage_gains.py`: an architecture for digits, and then how it is trained."""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

from digits import search as digits

import raynas as nas
from raynas.stages import Retuning

search = nas.Stages(
    {
        "architecture": replace(digits, limits=nas.Limits(trials=40, parallel=2)),
        "settings": Retuning(limits=nas.Limits(trials=20, parallel=2)),
    }
)
