"""Meters: what an architecture's network costs, measured by `raynas.Measured`."""

from raynas.target_device import CommandMeter
from raynas.tasks import Measured
from raynas.tasks.meters import CostMeter, FunctionMeter, LatencyMeter, MemoryMeter, Meter
from raynas.tasks.meters.energy import EnergyMeter
from raynas.tasks.meters.predicted import Predicted
from raynas.tasks.meters.size import SizeMeter

__all__ = [
    "CommandMeter",
    "CostMeter",
    "EnergyMeter",
    "FunctionMeter",
    "LatencyMeter",
    "Measured",
    "MemoryMeter",
    "Meter",
    "Predicted",
    "SizeMeter",
]
