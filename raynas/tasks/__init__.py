"""Tasks measure an architecture: they train it, look it up, or call a function."""

from raynas.tasks.base import Context, Task
from raynas.tasks.function import FunctionTask
from raynas.tasks.lightning import LightningTask
from raynas.tasks.lightning.data import LightningData
from raynas.tasks.lightning.pretrained import Pretrained
from raynas.tasks.meters.measured import Measured
from raynas.tasks.meters.meter import CostMeter, FunctionMeter, LatencyMeter, MemoryMeter, Meter
from raynas.tasks.tabular import TabularTask
from raynas.tasks.zero_cost import ZeroCost

__all__ = [
    "Context",
    "CostMeter",
    "FunctionMeter",
    "FunctionTask",
    "LatencyMeter",
    "LightningData",
    "LightningTask",
    "Measured",
    "MemoryMeter",
    "Meter",
    "Pretrained",
    "TabularTask",
    "Task",
    "ZeroCost",
]
