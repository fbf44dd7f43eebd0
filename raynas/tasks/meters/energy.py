"""How much energy a forward pass takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from raynas.arguments import checked
from raynas.errors import TaskError
from raynas.tasks.meters.energy_counters import EnergyCounter, counter_of
from raynas.tasks.meters.latency import alone, finish
from raynas.tasks.meters.meter import Meter, Subject
from raynas.tasks.meters.profile import deployed_on
from raynas.tasks.meters.repeated_measurement import repeated
from raynas.tasks.network_inputs import called, inputs_on

__all__ = ["EnergyMeter"]

_ROUNDS, _WARM_UP = 5, 5  # as for latency: a median and its spread, after caches are warm


@checked
@dataclass(frozen=True)
class EnergyMeter(Meter):
    """``energy_joules`` of a forward pass, with ``energy_joules_low`` and ``_high``.

    All that the processor's packages and their memory use, or the GPU, idle power and neighbors
    included: in five rounds of passes one after the other, one process of the machine at a time.
    The interval is that in which a further round lies in 95 of 100 cases.

    Args:
        device: ``"cpu"``, by Running Average Power Limit, or a CUDA device, by NVIDIA's Management
            Library, which needs ``raynas[nvml]``.
        batch: Examples in the pass.
        seconds: How long the rounds take together, at least; counters change every millisecond
            (RAPL) or every 20 to 100 (NVML).

    Raises:
        TaskError: An argument is out of its range; when measuring, the system has no such counter,
            or does not let it be read.
    """

    device: str = "cpu"
    batch: int = 1
    seconds: float = 2.0

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise TaskError(f"batch={self.batch}: must be at least 1")
        if not self.seconds > 0:
            raise TaskError(f"seconds={self.seconds}: must be above 0")
        if self.device.partition(":")[0] not in ("cpu", "cuda"):
            raise TaskError(f"device={self.device!r}: use 'cpu' or 'cuda'")

    def measure(self, subject: Subject) -> Mapping[str, float]:
        """See `Meter.measure`."""
        import torch

        counter = counter_of(self.device)
        network = deployed_on(subject.architecture, subject.build, self.device)
        inputs = inputs_on(subject.batch(self.batch), self.device)
        where = torch.device(self.device)

        def run() -> None:
            called(network, inputs)

        def wait() -> None:
            finish(where)

        with torch.inference_mode(), alone():
            for _ in range(_WARM_UP):
                run()
            rounds = [self._round(counter, run, wait) for _ in range(_ROUNDS)]
        found = repeated(rounds)
        return {
            "energy_joules": found.value,
            "energy_joules_low": found.low,
            "energy_joules_high": found.high,
        }

    def _round(
        self, counter: EnergyCounter, run: Callable[[], Any], wait: Callable[[], Any]
    ) -> float:
        """Joules of a pass."""
        wait()
        before, end, passes = counter.read(), time.perf_counter() + self.seconds / _ROUNDS, 0
        while not passes or time.perf_counter() < end:
            run()
            passes += 1
        wait()
        return counter.joules(before, counter.read()) / passes
