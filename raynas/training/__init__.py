"""Stage 2: the shortlist trained in full, to find out which is the best and how sure that is."""

from raynas.training.best import Best, best_of
from raynas.training.full import (
    FullTraining,
    Listed,
    Plan,
    full_task,
    open_training,
    plan_training,
)
from raynas.training.near_ties import NearTies, open_again, settled
from raynas.training.study import Study
from raynas.training.train import TrainingResult, train

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
