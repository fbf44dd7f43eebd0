"""From a measurement to a reward, or to the reason why there is none."""

from raynas.rewards.base import Reward, check_shown, is_number, judge
from raynas.rewards.metric import Metric
from raynas.rewards.pareto import Pareto

__all__ = ["Metric", "Pareto", "Reward", "check_shown", "is_number", "judge"]
