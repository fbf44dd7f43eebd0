"""What a training costs, also on a machine that is busy with something else."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from raynas.tasks import Context, LightningTask, Task
from raynas.trials import Architecture, Measurement

__all__ = ["TIMES", "Timed", "seconds_at", "seconds_of"]

_CPU = "cpu_seconds"
_VALIDATION = "validation_seconds"
TIMES = (_CPU, _VALIDATION)
"""Metrics that are added."""


class Timed(Task):
    """Runs a task and measures what it costs; without a GPU, in processor time.

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
        """See `Task.run`.

        Adds the metric ``validation_seconds``, of all validations of a LightningTask together
        where it trains in this process, and ``cpu_seconds`` where the trial has no GPU.
        """
        clock = time.perf_counter if context.gpu else time.process_time
        task, watch = self.task, _Watch(clock)
        if isinstance(task, LightningTask):
            task = copy.copy(task)
            task.module = watch.on(task.module)
        start = clock()
        measurement = task.run(architecture, context)
        times = {_VALIDATION: watch.seconds}
        if not context.gpu:
            times[_CPU] = clock() - start
        return replace(measurement, metrics={**measurement.metrics, **times})


class _Watch:
    """Adds up how long modules validate."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.seconds = 0.0

    def on(self, make: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """What makes the same modules, with a look at the clock in two of their hooks."""

        def made(network: Any) -> Any:
            module = make(network)
            begin, end = module.on_validation_start, module.on_validation_end

            def on_validation_start() -> None:
                self.seconds -= self.clock()
                begin()

            def on_validation_end() -> None:
                end()
                self.seconds += self.clock()

            module.on_validation_start = on_validation_start
            module.on_validation_end = on_validation_end
            return module

        return made


def seconds_of(measurement: Measurement) -> float:
    """Processor time where it was measured, else wall time."""
    return float(measurement.metrics.get(_CPU, measurement.seconds))


def seconds_at(measurement: Measurement, step: int) -> float:
    """What the same training would have cost to `step`, with one validation at its end."""
    evaluations = max(1, len(measurement.curve))
    validation = measurement.metrics.get(_VALIDATION, 0.0)
    training = seconds_of(measurement) - validation
    return training * step / (measurement.steps or step) + validation / evaluations
