"""From a measurement to a reward, or to the reason why there is none."""

from raynas.rewards.absolute import Absolute
from raynas.rewards.base import Objective, Reward, check_shown, is_number, judge
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
    "Objective",
    "Pareto",
    "Reward",
    "WeightedProduct",
    "check_shown",
    "is_number",
    "judge",
]
