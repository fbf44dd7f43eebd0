"""Before a search: the data, the baseline, the speed of training, and what it is going to cost."""

from raynas.preflight.baseline import Baseline, BaselineRun, open_baseline
from raynas.preflight.data import check_data
from raynas.preflight.data_verdict import DataFitness
from raynas.preflight.search_plan import plan_search
from raynas.preflight.speed import measure_speed
from raynas.preflight.speed_result import Speed

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
