"""What a training costs, also on a machine that is busy with something else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from raynas.tasks import Context, Task
from raynas.trials import Architecture, Measurement

__all__ = ["Timed", "seconds_of"]

_CPU_SECONDS = "cpu_seconds"


class Timed(Task):
    """Runs a task, and without a GPU measures the processor time that it takes besides.

    A proxy is compared with full training by its cost, and wall time on a machine that others use
    too says little. The time of a data loader's own workers is not in it.

    Args:
        task: What to run.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.metric = task.metric
        self.mode = task.mode

    def identity(self) -> Mapping[str, str]:
        """See `Task.identity`: that of the task."""
        return self.task.identity()

    def run(self, architecture: Architecture, context: Context) -> Measurement:
        """See `Task.run`; adds the metric ``cpu_seconds`` where the trial has no GPU."""
        start = time.process_time()
        measurement = self.task.run(architecture, context)
        if context.gpu:
            return measurement
        spent = {_CPU_SECONDS: time.process_time() - start}
        return replace(measurement, metrics={**measurement.metrics, **spent})


def seconds_of(measurement: Measurement) -> float:
    """Processor time where it was measured, else wall time."""
    return float(measurement.metrics.get(_CPU_SECONDS, measurement.seconds))
