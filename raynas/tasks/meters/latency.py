"""How long a forward pass takes, measured with as little disturbance as there can be."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raynas.tasks.file_lock import file_lock
from raynas.tasks.meters.repeated_measurement import repeated
from raynas.tasks.network_inputs import arguments_of

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["Latency", "alone", "finish", "network_latency", "timed"]

_WARM_UP = 5  # runs: caches, clocks and kernels that are chosen on first use
_WARM_UP_SECONDS_GPU = 0.3  # an idle GPU runs at a fraction of its clock rate
_RUNS, _LEAST_RUNS, _ROUNDS = 100, 20, 5
"""Chosen by hand: precision of a median, and of its spread over rounds, against time."""
_LEAST_SECONDS, _SECONDS = 0.5, 1.0  # of one measurement
_ROW_SECONDS = 0.001  # a system scheduler's turns are longer, so that most rows are undisturbed


@dataclass(frozen=True)
class Latency:
    """How long a forward pass of the example takes, in seconds.

    Attributes:
        p50: Median.
        p90: 90th percentile.
        p99: 99th percentile.
        device: Device of the measurement.
        low: Lower end of the interval in which a further median lies, measured right afterwards,
            in 95 of 100 cases, by the medians of five rounds of a tenth of a second or more. What
            changes more slowly than that, such as how busy the machine is, it does not cover.
        high: Upper end of the interval.
    """

    p50: float
    p90: float
    p99: float
    device: str
    low: float
    high: float

    def metrics(self, prefix: str = "") -> dict[str, float]:
        """The figures by the names of metrics: ``latency_p50`` and so on, after `prefix`."""
        name = f"{prefix}latency_p"
        return {
            f"{name}50": self.p50,
            f"{name}90": self.p90,
            f"{name}99": self.p99,
            f"{name}50_low": self.low,
            f"{name}50_high": self.high,
        }


def timed(run: Callable[[], Any], device: str) -> Latency:
    """Percentiles of the seconds that calls of `run` take, after warming up.

    That takes five calls and, on another `device` than a CPU, three tenths of a second, in which
    its clock rate rises. At least 100 calls are timed, for at least half a second, but no more than
    20 where these take longer than a second. No other process of this user on this machine measures
    at the same time. Calls in which the operating system took the processor away, to give it to a
    neighbor, count only where there are not 20 without; quick calls are told apart by the
    millisecond.
    """
    import numpy as np

    with alone():
        _warm_up(run, 0.0 if "cpu" in device.lower() else _WARM_UP_SECONDS_GPU)
        seconds: list[float] = []
        undisturbed: list[float] = []
        total = 0.0
        while not _is_enough(len(seconds), total):
            before = _times_interrupted()
            batch = _in_a_row(run)
            seconds += batch
            total += sum(batch)
            if _times_interrupted() == before:
                undisturbed += batch
    kept = undisturbed if len(undisturbed) >= _LEAST_RUNS else seconds
    p50, p90, p99 = (float(value) for value in np.percentile(kept, (50, 90, 99)))
    rounds = [float(np.median(part)) for part in np.array_split(kept, _ROUNDS)]
    further = repeated(rounds)
    low, high = min(further.low, p50), max(further.high, p50)
    return Latency(p50, p90, p99, device, low, high)


def _in_a_row(run: Callable[[], Any]) -> list[float]:
    """The seconds of a call, and of those that follow it within a millisecond.

    Nothing else happens between them: a system call would slow down the one after it.
    """
    clock = time.perf_counter
    seconds: list[float] = []
    began = clock()
    while True:
        start = clock()
        run()
        end = clock()
        seconds.append(end - start)
        if end - began >= _ROW_SECONDS:
            return seconds


def _is_enough(calls: int, seconds: float) -> bool:
    """Whether so many calls, which took so long together, make a measurement."""
    least, most = (_RUNS, _LEAST_SECONDS), (_LEAST_RUNS, _SECONDS)
    return any(calls >= count and seconds >= span for count, span in (least, most))


def _warm_up(run: Callable[[], Any], seconds: float) -> None:
    until = time.perf_counter() + seconds
    calls = 0
    while calls < _WARM_UP or time.perf_counter() < until:
        run()
        calls += 1


def network_latency(network: nn.Module, inputs: tuple[Any, ...], device: str) -> Latency:
    """The latency of `network`, in evaluation mode and without gradients, on `inputs`.

    Both are on `device` already. What is timed on a CPU is the call of the network and nothing
    else, as a program finds that calls it in a loop.
    """
    import torch

    where = torch.device(device)
    positional, named = arguments_of(network, inputs)
    run = partial(network, *positional, **named)

    def run_and_wait() -> None:
        run()
        finish(where)

    with torch.inference_mode():
        return timed(run if where.type == "cpu" else run_and_wait, device)


def finish(device: torch.device) -> None:
    """Wait until a GPU has done what it was asked to."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type != "cpu":
        getattr(torch, device.type).synchronize()


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other process of this user measures here, and keep others waiting."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    with file_lock(Path(tempfile.gettempdir(), f"raynas-latency-{user}.lock")):
        yield


def _times_interrupted() -> int:
    """Involuntary context switches of this process; 0 if the system does not report them."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
