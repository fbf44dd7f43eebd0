"""Device memory: given back after each trial, leaked, broken, exhausted, and packed by need."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

import raynas as nas
from gpu_checks.check import Place, Row, check
from gpu_checks.fake_device import FakeDevice
from gpu_checks.searches import measured, meet, searched
from raynas.space import integer, searchable
from raynas.tasks.device_errors import out_of_memory
from raynas.tasks.gpu_footprint import Footprint
from raynas.trials import Completed, Infeasible

__all__ = ["Device", "Size", "auto_packing", "memory", "out_of_memory_retries"]

MIB, GIB = 2**20, 2**30
_KEPT: list[Any] = []


@searchable
class Size:
    """What a trial takes, in hundredths of the device."""

    percent: int = integer(1, 200)


class Device:
    """The device of a trial's process: a GPU, or a simulated one that the folder stands for."""

    def __init__(self, place: Place) -> None:
        self.gpu = place.gpu
        self.folder = Path(place.folder, "device")
        self.total = 16 * GIB
        self.context = GIB // 4

    def enter(self) -> None:
        """Have it in this process."""
        if not self.gpu:
            FakeDevice.installed(self.folder, self.total, self.context)

    def take(self, size: int) -> Any:
        """Memory, in use for as long as the result lives."""
        if self.gpu:
            return torch.empty(size, dtype=torch.uint8, device="cuda")
        return FakeDevice.installed(self.folder, self.total, self.context).allocate(size)

    def break_context(self) -> None:
        """Fail an assertion in a kernel, and have the process learn of it."""
        if self.gpu:
            torch.zeros(4, device="cuda")[torch.tensor([99], device="cuda")].cpu()
        device = FakeDevice.installed(self.folder, self.total, self.context)
        device.broken = "CUDA error: device-side assert triggered"
        device.synchronize()

    def used(self) -> int:
        """Bytes in use by all processes."""
        free, total = torch.cuda.mem_get_info()
        return total - free


class Observed(nas.Task):
    """Runs another task, and notes what was in use before it, and in which process.

    Args:
        device: Where.
        task: The other task; None for one that takes and frees memory.
        leak: Number of the trial that keeps 300 MiB; None for no leak.
        broken: Number of the trial that breaks the CUDA context.
    """

    def __init__(
        self,
        device: Device,
        task: nas.Task | None = None,
        leak: int | None = None,
        broken: int | None = None,
    ) -> None:
        self._device, self._task, self._leak, self._broken = device, task, leak, broken
        if task is not None:
            self.metric, self.mode = task.metric, task.mode

    def run(self, architecture: Any, context: nas.Context) -> nas.Measurement:
        """See `Task.run`."""
        self._device.enter()
        before, reserved = self._device.used(), torch.cuda.memory_reserved()
        metrics = {"reward": 1.0}
        if self._task is not None:
            metrics |= self._task.run(architecture, context).metrics
        else:
            self._device.take((1 + context.number % 7) * 100 * MIB)
        if context.number == self._leak:
            _KEPT.append(self._device.take(300 * MIB))
        if context.number == self._broken:
            self._device.break_context()
        seen = {"before": float(before), "reserved": float(reserved)}
        seen["process"] = float(os.getpid())
        return nas.Measurement({**metrics, **seen})


@check(
    150,
    memory_floor="before each of 50 trials of one worker torch holds no more than 2 MiB, and the"
    " device grows by no more than 512 MiB after the 5th, which are kernels",
    leaks_replace_workers="a worker whose trial kept 300 MiB is replaced before the next trial",
    broken_contexts_replace_workers="after a trial that broke the CUDA context, a new worker runs",
)
def memory(place: Place) -> Iterator[Row]:
    """See the claims."""
    device = Device(place)
    yield _floor(place, device)
    leak = searched(place, "leak", Size, Observed(device, leak=0), 3, parallel=1)
    workers = [trial["process"] for trial in measured(leak)]
    why = _again(place, "leak")
    holds = len(workers) == 3 and len(set(workers)) == 2 and "device memory behind" in why
    yield Row.judged("leaks replace workers", holds, f"{len(set(workers))} workers: {why}")
    broken = searched(place, "broken", Size, Observed(device, broken=0), 3, parallel=1)
    why = _again(place, "broken")
    ends = [type(trial.outcome).__name__ for trial in broken]
    holds = ends == ["Failed", "Completed", "Completed"] and "broke the CUDA context" in why
    yield Row.judged("broken contexts replace workers", holds, f"{', '.join(ends)}: {why}")


def _floor(place: Place, device: Device) -> Row:
    task: nas.Task | None = None
    space: Any = Size
    if place.gpu:
        from gpu_checks.networks import Classifier, Net, data

        space = Net
        task = nas.LightningTask(Classifier, data(128, 32, 32), "val_loss", 3, mode="min")
    count = place.pick(50, 50, 12)
    trials = searched(place, "floor", space, Observed(device, task), count, parallel=1)
    found = measured(trials)
    before = [trial["before"] / MIB for trial in found]
    drift = max(before[4:]) - min(before[4:])
    most = max(trial["reserved"] for trial in found) / MIB
    workers = {trial["process"] for trial in found}
    holds = len(found) == count and len(workers) == 1 and most <= 2 and drift <= 512
    seen = f"{len(found)} trials, {len(workers)} worker, {most:.0f} MiB held, drift {drift:.0f} MiB"
    return Row.judged("memory floor", holds, seen, before=before)


class Hungry(nas.Task):
    """Takes what an architecture says of the device."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def run(self, architecture: Size, context: nas.Context) -> nas.Measurement:
        """See `Task.run`."""
        self._device.enter()
        total = torch.cuda.mem_get_info()[1]
        taken = self._device.take(total * architecture.percent // 100)
        self._taken(context.number)
        metrics = {"reward": 1.0, "gpu": context.gpu, "used": self._device.used() / total}
        del taken
        return nas.Measurement(metrics)

    def _taken(self, number: int) -> None:
        """Called while the memory is in use."""

    def footprint(self, architecture: Size, context: nas.Context) -> Footprint:
        """See `Task.footprint`."""
        self._device.enter()
        return super().footprint(architecture, context)


@check(
    120,
    errors_are_recognized="errors raised where memory ran out are told from others",
    too_large_is_infeasible="what does not fit is tried again alone, then infeasible",
    neighbors_live="trials beside one that ran out of memory complete",
)
def out_of_memory_retries(place: Place) -> Iterator[Row]:
    """See the claims."""
    yield _recognized(place)
    device = Device(place)
    count, parallel = place.pick((10, 4), (16, 4), (8, 2))
    trials = searched(place, "hungry", Sizes, Mixed(device), count, parallel=parallel)
    large = [trial for trial in trials if trial.architecture.large]
    alone = "out of memory, also alone with a whole device"
    reasons = [t.outcome.reason for t in large if isinstance(t.outcome, Infeasible)]
    holds = bool(large) and all(reason.startswith(alone) for reason in reasons)
    seen = f"{len(reasons)} of {len(large)} infeasible: {(reasons or [''])[0][:110]}"
    yield Row.judged("too large is infeasible", holds and len(reasons) == len(large), seen)
    small = [trial for trial in trials if not trial.architecture.large]
    living = [trial for trial in small if isinstance(trial.outcome, Completed)]
    holds = bool(small) and len(living) == len(small)
    yield Row.judged("neighbors live", holds, f"{len(living)} of {len(small)} completed")


@searchable
class Sizes:
    """Small ones, and some that no device holds."""

    kind: int = integer(0, 15)

    @property
    def large(self) -> bool:
        """Whether it takes twice a device."""
        return self.kind % 4 == 0


class Mixed(Hungry):
    """Takes twice the device, or a twentieth."""

    def run(self, architecture: Any, context: nas.Context) -> nas.Measurement:
        """See `Task.run`."""
        return super().run(Size(200 if architecture.large else 5), context)


def _recognized(place: Place) -> Row:
    device = Device(place)
    if place.gpu:
        errors = {"torch": _raised(lambda: device.take(2**42)), "cuBLAS": _cublas_without_room()}
    else:
        errors = {
            "torch": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 4.00 TiB."),
            "cuBLAS": RuntimeError(
                "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
            ),
        }
    missed = [name for name, error in errors.items() if error and not out_of_memory(error)]
    other = _raised(lambda: torch.zeros(2, 3) @ torch.zeros(2, 3))
    raised = errors["torch"] is not None and other is not None
    holds = raised and not missed and out_of_memory(other) is None
    said = {name: str(error).partition("\n")[0][:90] for name, error in errors.items()}
    seen = "; ".join(f"{name}: {text}" for name, text in said.items())
    return Row.judged("errors are recognized", holds, f"missed {missed or 'none'}; {seen}")


def _raised(work: Any) -> BaseException | None:
    try:
        work()
    except Exception as error:
        return error
    return None


def _cublas_without_room() -> BaseException | None:
    """What the first matrix product of a process raises where the device is full."""
    small = torch.ones(64, 64, device="cuda")
    kept = []
    size = torch.cuda.mem_get_info()[0]
    while size > MIB:
        try:
            kept.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
        except torch.OutOfMemoryError:
            size //= 2
    error = _raised(lambda: (small @ small).cpu())
    del kept
    torch.cuda.empty_cache()
    return error


@check(
    90,
    auto_packs_by_memory="gpu='auto': as many trials share a device as its memory holds, and none"
    " runs out of it",
)
def auto_packing(place: Place) -> Iterator[Row]:
    """See the claims."""
    percent, together = 20, 4
    task = Packed(Device(place), percent, Path(place.folder, "packed"), together)
    trials = searched(
        place,
        "auto",
        nas.Space(Size, baseline=Size(percent)),
        task,
        place.pick(12, 8, 4),
        resources=nas.Resources(cpu=place.pick(1, 0.25), gpu="auto"),
    )
    found = measured(trials)
    shares = sorted({trial["gpu"] for trial in found})
    most = max(trial["used"] for trial in found)
    fits = shares == [1 / together] and together * percent <= 100 * most <= 100
    holds = fits and len(found) == len(trials) and not _again(place, "auto")
    seen = f"shares {shares}, {len(found)} of {len(trials)} completed, {most:.0%} in use at most"
    yield Row.judged("auto packs by memory", holds, seen)


class Packed(Hungry):
    """Takes the same of the device whatever is proposed, until `together` trials do.

    Nine tenths of the device hold four times 20 % and four contexts.
    """

    def __init__(self, device: Device, percent: int, folder: Path, together: int) -> None:
        super().__init__(device)
        self._percent, self._folder, self._together = percent, folder, together

    def _taken(self, number: int) -> None:
        if self._together:
            meet(self._folder, number, self._together)

    def footprint(self, architecture: Size, context: nas.Context) -> Footprint:
        """See `Task.footprint`; that trial is alone."""
        alone = Packed(self._device, self._percent, self._folder, 0)
        return Hungry.footprint(alone, architecture, context)

    def run(self, architecture: Any, context: nas.Context) -> nas.Measurement:
        """See `Task.run`."""
        return super().run(Size(self._percent), context)


def _again(place: Place, name: str) -> str:
    """Why trials of a search ran again."""
    lines = Path(place.folder, name, "events.jsonl").read_text().splitlines()
    again = [event["why"] for event in map(json.loads, lines) if event["event"] == "again"]
    return "; ".join(dict.fromkeys(again))
