"""Meters: what an architecture's network costs, measured by `raynas.Measured`."""

from raynas.tasks import Measured
from raynas.tasks.meters import CostMeter, FunctionMeter, LatencyMeter, MemoryMeter, Meter

__all__ = ["CostMeter", "FunctionMeter", "LatencyMeter", "Measured", "MemoryMeter", "Meter"]
