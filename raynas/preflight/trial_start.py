"""How long a trial takes to start, and the memory it takes, by the GPUs that it reserves."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raynas.errors import in_a_line
from raynas.tasks import Context, LightningTask
from raynas.trials import Architecture

__all__ = ["TrialStart", "starts_in_words", "trial_starts"]

GPUS = (1, 2, 4, 8)  # of a trial, up to those of a usual machine
_SHORT, _LONG = 2, 12  # steps: ten between them, whose time is the difference


@dataclass(frozen=True)
class TrialStart:
    """A trial's start on some GPUs.

    Attributes:
        gpus: GPUs that it reserves; 0 for CPUs only.
        seconds: Seconds that it takes beside its steps: making processes, network and data, and
            validating a batch; 0 where it was not measured.
        step: Seconds of a step. Each GPU takes a batch of its own, so a step of two GPUs sees twice
            as many examples.
        memory: Bytes of the first GPU, or by which the process grew; None where not known.
        reason: Why it was not measured.
    """

    gpus: int
    seconds: float = 0.0
    step: float = 0.0
    memory: int | None = None
    reason: str = ""


def trial_starts(
    task: LightningTask,
    architecture: Architecture,
    gpus: int,
    until: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[TrialStart, ...]:
    """Run two short trials on each number of GPUs: their difference is that of their steps.

    Args:
        task: Trains the trials; their length is changed, and validation is cut to a batch.
        architecture: What they train.
        gpus: How many GPUs there are; with none, a trial is run on CPUs.
        until: Tells whether time is up.
        clock: Seconds, for tests.
    """
    counts = [0] if gpus == 0 else [count for count in GPUS if count <= gpus]
    found = [
        TrialStart(count, reason="not measured, as time was up")
        if until()
        else _measured(task, architecture, count, clock)
        for count in counts
    ]
    for count in GPUS:
        if count > gpus:
            found.append(TrialStart(count, reason=f"needs {count} GPU{'s' * (count > 1)}"))
    return tuple(found)


def _measured(
    task: LightningTask, architecture: Architecture, count: int, clock: Callable[[], float]
) -> TrialStart:
    lengths = (_SHORT, _LONG)
    seconds, memory = [], None
    try:
        for length in lengths:
            short = _short(task, length)
            began = clock()
            measured = short.run(architecture, Context(gpu=float(count), seed=0))
            seconds.append(clock() - began)
            memory = measured.metrics.get("peak_memory_bytes")
    except Exception as error:
        return TrialStart(count, reason=in_a_line(error))
    step = max(0.0, (seconds[1] - seconds[0]) / (_LONG - _SHORT))
    start = max(0.0, seconds[0] - _SHORT * step)
    return TrialStart(count, start, step, None if memory is None else int(memory))


def _short(task: LightningTask, steps: int) -> LightningTask:
    made = copy.copy(task)
    made.max_steps, made.evaluations, made.checkpoint_every = steps, 1, None
    given = task.trainer

    def trainer() -> Mapping[str, Any]:
        arguments = given() if callable(given) else given
        return {**(arguments or {}), "limit_val_batches": 1}

    made.trainer = trainer
    return made


def starts_in_words(starts: Sequence[TrialStart]) -> str:
    """What the starts say about how many GPUs a trial should reserve; empty where they cannot."""
    known = [one for one in starts if one.gpus and not one.reason]
    if len(known) < 2:
        return ""
    first, last = known[0], known[-1]
    rate = last.gpus * first.step / last.step if last.step else 0.0
    return (
        f"a trial on {last.gpus} GPUs starts in {last.seconds:.3g} s, on one in "
        f"{first.seconds:.3g} s; it sees {rate:.2g} times as many examples a second, for "
        f"{last.gpus} times the GPUs"
    )
