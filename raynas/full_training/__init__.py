"""Stage 2: the shortlist trained in full, to find out which is the best and how sure that is."""

from raynas.full_training.best import Best, best_of
from raynas.full_training.listed import Listed
from raynas.full_training.near_ties import NearTies, open_again, settled
from raynas.full_training.stage2 import (
    FullTraining,
    Plan,
    full_task,
    open_training,
    plan_training,
)
from raynas.full_training.substudy import Study
from raynas.full_training.train import TrainingResult, train

__all__ = [
    "Best",
    "FullTraining",
    "Listed",
    "NearTies",
    "Plan",
    "Study",
    "TrainingResult",
    "best_of",
    "full_task",
    "open_again",
    "open_training",
    "plan_training",
    "settled",
    "train",
]
