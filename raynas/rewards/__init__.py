"""Rewards: a number for a measurement, or the reason why there is none."""

from raynas.arguments import is_number
from raynas.rewards.absolute import Absolute
from raynas.rewards.assignment import outcome_of, rejudged
from raynas.rewards.base import Reward, check_shown, judge
from raynas.rewards.bounds import AtLeast, AtMost, Bound, Clipped, Constrained
from raynas.rewards.metric import Metric
from raynas.rewards.pareto import Pareto
from raynas.rewards.products import Factor, MnasNet, WeightedProduct

__all__ = [
    "Absolute",
    "AtLeast",
    "AtMost",
    "Bound",
    "Clipped",
    "Constrained",
    "Factor",
    "Metric",
    "MnasNet",
    "Pareto",
    "Reward",
    "WeightedProduct",
    "check_shown",
    "is_number",
    "judge",
    "outcome_of",
    "rejudged",
]
