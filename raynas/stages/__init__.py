"""Searches in a row, each built on what the ones before it found."""

from raynas.stages.augmentation import Augmentation
from raynas.stages.chain import StageChain, Stages
from raynas.stages.parts import Joint, Part, parts_then_whole
from raynas.stages.results import Results, StageResult
from raynas.stages.retuning import Retuning, TrainingSettings
from raynas.stages.scaling import COMPOUND, Scaling, scaled_space

__all__ = [
    "COMPOUND",
    "Augmentation",
    "Joint",
    "Part",
    "Results",
    "Retuning",
    "Scaling",
    "StageChain",
    "StageResult",
    "Stages",
    "TrainingSettings",
    "parts_then_whole",
    "scaled_space",
]
