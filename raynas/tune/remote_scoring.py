"""Measure and score on the machines of a Ray cluster that are meant for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ray

from raynas.arguments import checked
from raynas.errors import TaskError
from raynas.tasks.meters.meter import Meter, Subject
from raynas.tasks.zero_cost import ZeroCost
from raynas.trials import Architecture

__all__ = ["OnResource", "score_in_workers"]

_BATCH = 16  # seconds of work, so that Ray's milliseconds a task do not count


@checked
@dataclass(frozen=True)
class OnResource(Meter):
    """What `meter` measures on a machine that has the custom Ray resource `resource`.

    Such as a phone's board or the server that the network is for, started as
    ``ray start --address=... --resources='{"target": 1}'``. With an amount of all that the machine
    has, one trial at a time measures there.

    Args:
        meter: Measures there.
        resource: Name of the resource.
        amount: How much of it a measurement takes.

    Raises:
        TaskError: `amount` is not above zero.
    """

    meter: Meter
    resource: str
    amount: float = 1.0

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise TaskError(f"amount={self.amount}: must be above 0")

    def measure(self, subject: Subject) -> Mapping[str, float]:
        """See `Meter.measure`. Called in a trial's worker, or wherever else Ray is connected.

        Raises:
            TaskError: No machine of the cluster has as much of the resource.
        """
        most = float(ray.cluster_resources().get(self.resource, 0.0))  # type: ignore[no-untyped-call]
        if most < self.amount:
            raise TaskError(
                f"resource={self.resource!r}, amount={self.amount:g}: the cluster has {most:g} of "
                "it; start Ray on the target machine with --resources"
            )
        task = ray.remote(_measure).options(num_cpus=0, resources={self.resource: self.amount})
        found: Mapping[str, float] = ray.get(task.remote(self.meter, subject))
        return found


def score_in_workers(
    scorer: ZeroCost, architectures: Sequence[Architecture], *, cpu: float = 1.0, gpu: float = 0.0
) -> list[dict[str, float]]:
    """`scorer(architectures)`, computed by Ray tasks, each of which reserves `cpu` and `gpu`."""
    task = ray.remote(_score).options(num_cpus=cpu, num_gpus=gpu)
    there = ray.put(scorer)
    parts = [architectures[i : i + _BATCH] for i in range(0, len(architectures), _BATCH)]
    scored = ray.get([task.remote(there, part) for part in parts])
    return [scores for part in scored for scores in part]


def _measure(meter: Meter, subject: Subject) -> Mapping[str, float]:
    return meter.measure(subject)


def _score(scorer: ZeroCost, architectures: Sequence[Architecture]) -> list[dict[str, float]]:
    return scorer(architectures)
