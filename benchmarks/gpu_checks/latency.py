"""Latency on the device: stable, right, and what a training neighbor does to it; energy; ONNX."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from gpu_checks.check import Place, Row, check
from gpu_checks.networks import Net
from raynas.errors import TaskError
from raynas.meters import LatencyMeter
from raynas.tasks.meters.energy import EnergyMeter
from raynas.tasks.meters.energy_counters import NvmlCounter
from raynas.tasks.meters.meter import Subject
from raynas.tasks.meters.onnx_latency import OnnxLatencyMeter

__all__ = ["energy", "latency", "onnx"]

_REPEATS = 5
_TRAINING = """
import sys, time, torch
from gpu_checks.networks import Net
device, seconds = sys.argv[1], float(sys.argv[2])
torch.set_num_threads(1)
network = Net(64, 4).build().to(device)
optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
images = torch.randn(64, 3, 32, 32, device=device)
print("trains", flush=True)
until = time.monotonic() + seconds
while time.monotonic() < until:
    optimizer.zero_grad()
    network(images).square().mean().backward()
    optimizer.step()
    print(".", end="", flush=True)
"""


def _subject(place: Place) -> Subject:
    size = place.pick(128, 16)
    return Subject(place.pick(Net(256, 8), Net(16, 2)), torch.randn(1, 3, size, size))


@check(
    90,
    percentiles_are_ordered="0 < p50 <= p90 <= p99",
    latency_is_stable="the medians of five measurements lie within a tenth of each other",
    latency_agrees_with_events="the median differs from that by CUDA events by less than a tenth"
    " or 30 microseconds",
    latency_beside_a_neighbor="it can be measured beside a training, and is no shorter than alone",
)
def latency(place: Place) -> Iterator[Row]:
    """See the claims."""
    subject = _subject(place)
    meter = LatencyMeter(place.device, batch=place.pick(16, 1))
    alone = [dict(meter.measure(subject)) for _ in range(_REPEATS)]
    names = ("latency_p50", "latency_p90", "latency_p99")
    ordered = all(0 < a["latency_p50"] <= a["latency_p90"] <= a["latency_p99"] for a in alone)
    shown = "/".join(f"{1e3 * alone[0][name]:.3f}" for name in names)
    yield Row.judged("percentiles are ordered", ordered, f"{shown} ms")
    medians = [one["latency_p50"] for one in alone]
    spread = max(medians) / min(medians)
    holds = spread <= 1.1 if place.gpu else None
    shown = f"{1e3 * min(medians):.3f} to {1e3 * max(medians):.3f} ms"
    yield Row.judged("latency is stable", holds, shown, medians=medians)
    middle = float(np.median(medians))
    if place.gpu:
        events = _by_events(subject, meter.batch)
        apart = abs(middle - events)
        holds = apart <= max(0.1 * events, 30e-6)
        seen = f"{1e3 * middle:.3f} ms, by events {1e3 * events:.3f} ms"
        yield Row.judged("latency agrees with events", holds, seen, meter=middle, events=events)
    else:
        yield Row("latency agrees with events", "skipped", "CUDA events need a GPU")
    with _neighbor(place):
        beside = meter.measure(subject)["latency_p50"]
    holds = beside >= 0.9 * middle if place.gpu else None
    seen = f"{1e3 * beside:.3f} ms beside, {1e3 * middle:.3f} ms alone: {beside / middle:.2f}x"
    yield Row.judged("latency beside a neighbor", holds, seen, beside=beside, alone=middle)


def _by_events(subject: Subject, batch: int) -> float:
    """The median seconds of a forward pass between two CUDA events."""
    network = subject.build(subject.architecture).cuda().eval()
    images = subject.batch(batch)[0].cuda()
    found = []
    with torch.inference_mode():
        until = time.perf_counter() + 0.5
        while time.perf_counter() < until:
            network(images)
            torch.cuda.synchronize()
        for _ in range(100):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            network(images)
            end.record()
            end.synchronize()
            found.append(start.elapsed_time(end) / 1e3)
    return float(np.median(found))


@contextmanager
def _neighbor(place: Place) -> Iterator[None]:
    """While another process trains on the device."""
    command = [sys.executable, "-c", _TRAINING, place.device, "60"]
    path = {"PYTHONPATH": ":".join(sys.path)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **path})
    try:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        if not process.stdout.readline():
            raise RuntimeError("the training neighbor did not start")
        if not process.stdout.read(1):
            raise RuntimeError("the training neighbor trained no step")
        yield
    finally:
        process.kill()
        process.wait()


@check(
    40,
    energy_is_read="NVML's energy counter rises over two seconds of work by what the power says,"
    " within a quarter",
    energy_of_a_run="EnergyMeter's joules of a pass over its seconds are 20 to 1200 W",
)
def energy(place: Place) -> Iterator[Row]:
    """See the claims."""
    missing = "NVML needs a GPU" if not place.gpu else ""
    if place.gpu and importlib.util.find_spec("pynvml") is None:
        missing = "nvidia-ml-py is not installed"
    if missing:
        yield Row("energy is read", "skipped", missing)
        yield Row("energy of a run", "skipped", missing)
        return
    yield _counted()
    subject, batch = _subject(place), 16
    joules = EnergyMeter("cuda", batch).measure(subject)["energy_joules"]
    seconds = LatencyMeter("cuda", batch).measure(subject)["latency_p50"]
    seen = f"{joules:.3g} J in {1e3 * seconds:.3f} ms: {joules / seconds:.0f} W"
    yield Row.judged("energy of a run", 20 <= joules / seconds <= 1200, seen, joules=joules)


def _counted() -> Row:
    import pynvml

    counter = NvmlCounter("cuda")
    uuid = torch.cuda.get_device_properties(0).uuid
    handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
    matrix = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    powers = []
    start, before = time.perf_counter(), counter.read()
    while (seconds := time.perf_counter() - start) < 2:
        for _ in range(20):
            matrix @ matrix
        torch.cuda.synchronize()
        powers.append(pynvml.nvmlDeviceGetPowerUsage(handle) / 1e3)
    joules = counter.joules(before, counter.read())
    expected = float(np.mean(powers)) * seconds
    seen = f"{joules:.0f} J counted, {expected:.0f} J by power over {seconds:.1f} s"
    return Row.judged("energy is read", abs(joules / expected - 1) < 0.25, seen, joules=joules)


@check(
    60,
    alone=False,
    onnx_on_the_device="ONNX Runtime's CUDA provider is timed, or refused by name where it is not"
    " installed",
)
def onnx(place: Place) -> Iterator[Row]:
    """See the claims."""
    provider = place.pick("CUDAExecutionProvider", "CPUExecutionProvider")
    try:
        found: Any = OnnxLatencyMeter(provider=provider).measure(_subject(place))
    except TaskError as error:
        yield Row("onnx on the device", "skipped", str(error))
        return
    seconds = found["onnx_latency_p50"]
    yield Row.judged("onnx on the device", seconds > 0, f"{provider}: {1e3 * seconds:.3f} ms")
