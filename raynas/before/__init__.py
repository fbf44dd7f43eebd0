"""Before a search: the data, the baseline, the speed of training, and what it is going to cost."""

from raynas.before.baseline import Baseline, BaselineRun, open_baseline
from raynas.before.data import check_data
from raynas.before.fitness import DataFitness
from raynas.before.planning import plan_search
from raynas.before.speed import Speed, measure_speed

__all__ = [
    "Baseline",
    "BaselineRun",
    "DataFitness",
    "Speed",
    "check_data",
    "measure_speed",
    "open_baseline",
    "plan_search",
]
