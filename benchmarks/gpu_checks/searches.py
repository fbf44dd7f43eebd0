"""Searches that checks run, and what their trials saw; without Lightning, to start fast."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import ray

import raynas as nas
from gpu_checks.check import Place
from raynas.trials import Completed, Trial
from raynas.tune.ray_session import start

__all__ = ["Seeing", "completed", "measured", "meet", "searched"]

_PATIENCE = 600.0
_CORES = 2  # of the simulated machine


class Seeing(nas.Task):
    """Runs another task, and notes when, where, and on which devices.

    Args:
        task: The other task.
        folder: Where trials note that they have started.
        together: How many must have started before any goes on, so that all workers are up.
    """

    def __init__(self, task: nas.Task, folder: Path, together: int) -> None:
        self.task = task
        self.metric, self.mode = task.metric, task.mode
        self._folder, self._together = folder, together

    def run(self, architecture: Any, context: nas.Context) -> nas.Measurement:
        """See `Task.run`."""
        import torch

        started = time.time()
        meet(self._folder, context.number, self._together)
        found = self.task.run(architecture, context)
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        seen = {
            "started": started,
            "ended": time.time(),
            "process": float(os.getpid()),
            "named": -1.0 if visible is None else float(len([v for v in visible.split(",") if v])),
            "usable": float(torch.cuda.device_count()),
        }
        return nas.Measurement({**found.metrics, **seen}, found.seconds, found.steps)


def meet(folder: Path, number: int, together: int) -> None:
    """Note in `folder` that a trial is there, and wait until `together` are.

    Raises:
        TimeoutError: They did not come.
    """
    folder.mkdir(parents=True, exist_ok=True)
    Path(folder, str(number)).touch()
    until = time.monotonic() + _PATIENCE
    while len(list(folder.iterdir())) < together:
        if time.monotonic() > until:
            raise TimeoutError(f"fewer than {together} trials ran at once")
        time.sleep(0.02)


def searched(
    place: Place, name: str, space: Any, task: nas.Task, trials: int, **options: Any
) -> list[Trial[Any]]:
    """The trials of a search by random architectures; on a stand-in with a simulated GPU.

    Ray starts with the first search of a process and stays for the others.
    """
    if not ray.is_initialized():
        simulated = place.pick({}, {"num_cpus": _CORES, "num_gpus": 1})
        start(address="local", include_dashboard=False, **simulated)
    given: dict[str, Any] = {
        "controller": "random",
        "rules": (),
        "resources": nas.Resources(cpu=place.pick(1, 0.5), gpu=0.25),
        **options,
    }
    parallel = given.pop("parallel", None)
    return list(
        nas.Search(
            space=space,
            task=task,
            limits=nas.Limits(trials=trials, parallel=parallel, failed=trials),
            name=name,
            folder=Path(place.folder),
            **given,
        )
        .run()
        .history
    )


def measured(trials: list[Trial[Any]]) -> list[dict[str, float]]:
    """What the trials measured that completed, in the order of proposals."""
    return [
        dict(trial.outcome.measurement.metrics)
        for trial in trials
        if isinstance(trial.outcome, Completed)
    ]


def completed(trials: list[Trial[Any]]) -> list[dict[str, float]]:
    """What `Seeing` measured, in the order in which the trials ended."""
    return sorted(measured(trials), key=lambda metrics: metrics["ended"])
