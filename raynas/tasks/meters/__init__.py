"""Meters: what an architecture's network costs, measured beside its training."""

from raynas.tasks.meters.meter import CostMeter, FunctionMeter, LatencyMeter, MemoryMeter, Meter

__all__ = ["CostMeter", "FunctionMeter", "LatencyMeter", "MemoryMeter", "Meter"]
