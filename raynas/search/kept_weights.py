"""Trainings whose weights are kept with the results."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from raynas.analysis.saved_results import replace_file
from raynas.tasks import Context, Task
from raynas.trials import Architecture, Measurement

__all__ = ["KeptWeights", "run_and_keep", "weights_file"]

_WEIGHTS = "weights"


class KeptWeights(Task):
    """Runs a task and keeps the weights that it writes.

    Args:
        task: What to run.
        folder: Results folder of the search.
    """

    def __init__(self, task: Task, folder: Path) -> None:
        self.task = task
        self.folder = folder
        self.metric = task.metric
        self.mode = task.mode

    def identity(self) -> Mapping[str, str]:
        """See `Task.identity`: that of the task, wherever the weights go."""
        return self.task.identity()

    def foreknown(self, architecture: Architecture, names: Collection[str]) -> Mapping[str, float]:
        """See `Task.foreknown`."""
        return self.task.foreknown(architecture, names)

    def run(self, architecture: Architecture, context: Context) -> Measurement:
        """See `Task.run`."""
        return run_and_keep(self.task, self.folder, architecture, context)


def run_and_keep(
    task: Task, folder: Path, architecture: Architecture, context: Context
) -> Measurement:
    """Run `task`; the weights that it writes are kept under its trial's number, once it has ended.

    Args:
        task: What to run.
        folder: Results folder.
        architecture: Architecture to train.
        context: What the task may know of its trial, whose number names the file.
    """
    path = weights_file(folder, context.number)
    written = path.with_name(f".{path.stem}-{uuid4().hex}{path.suffix}")
    try:
        measurement = task.run(architecture, replace(context, weights=written))
        if written.exists():
            replace_file(path, lambda draft: os.replace(written, draft))
        return measurement
    finally:
        written.unlink(missing_ok=True)


def weights_file(folder: Path, number: int) -> Path:
    """File of the weights of trial `number`, under the results folder of its study."""
    return folder / _WEIGHTS / f"{number}.safetensors"
