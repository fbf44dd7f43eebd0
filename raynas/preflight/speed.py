"""How fast a search's architectures train on this machine, and what follows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from raynas.errors import TaskError
from raynas.preflight.batch_sizes import batch_size, resizable_batch
from raynas.preflight.compilation import time_compiled
from raynas.preflight.loader_speed import Loading, changed_loader, time_loading
from raynas.preflight.recommendations import (
    Sharing,
    best_batch,
    best_loading,
    bottleneck,
    shared_cpu,
    shared_gpu,
)
from raynas.preflight.setting_gains import SettingCandidate, SettingGain, candidates_of, gains_of
from raynas.preflight.sized_architectures import sized
from raynas.preflight.speed_result import Speed
from raynas.preflight.step_time import Steps, Timing, free_memory, time_steps
from raynas.preflight.time_limits import within
from raynas.preflight.trial_start import TrialStart, trial_starts
from raynas.search import Search
from raynas.space import Space
from raynas.tasks import LightningTask
from raynas.tasks.device import best_precision as precision_in_hardware
from raynas.tasks.example_input import innermost
from raynas.tasks.lightning.split import data_module
from raynas.trials import Architecture
from raynas.wording import counted

__all__ = ["Speed", "measure_speed"]

_START = 8  # examples: smaller batches keep no device busy
_PRECISIONS = ("32-true", "bf16-mixed")
_PRECISIONS_GPU = (*_PRECISIONS, "16-mixed")
_WORKERS = (0, 1, 2, 4, 8, 16)  # of a loader, as far as there are cores
_FLAT = 0.55  # of twice the speed: doubling the batch brings less than a tenth
_MEMORY = 0.8  # of what is free: the system ends processes that take all


def measure_speed(
    search: Search,
    *,
    seconds: float = 1.0,
    minutes: float = 10.0,
    step_seconds: float = 5.0,
    patience: float = 120.0,
    most: int | None = None,
    compiled: bool = True,
    cpu: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Speed:
    """Measure how fast the architectures of a search train here.

    Args:
        search: Search whose task is a LightningTask.
        seconds: How long to time each case for.
        minutes: Minutes after which no measurement begins; the result names what was left out.
        step_seconds: The longest step; batches are not doubled beyond it.
        patience: Seconds to wait for one case, or one batch, before giving up.
        most: The largest batch; by default the examples of an epoch.
        compiled: Whether to try `torch.compile`.
        cpu: Measure the CPU though there is a GPU.
        say: Called with a sentence about each step that begins.

    Raises:
        TaskError: The task trains no networks, its module or loader hangs, or the smallest batch
            does not train.
    """
    for name, value in (("seconds", seconds), ("minutes", minutes), ("patience", patience)):
        if not value > 0:
            raise TaskError(f"{name}={value:g}: must be above 0")
    task = innermost(search.task)
    if not isinstance(task, LightningTask):
        raise TaskError(f"task: a {type(task).__name__} has no training steps; use a LightningTask")
    measuring = _Measuring(
        task,
        seconds,
        time.monotonic() + 60 * minutes,
        step_seconds,
        patience,
        max(1, int(search.resources.cpu)),
        cpu,
        say,
    )
    return measuring.all(search, most, compiled)


class _Measuring:
    """Measures one thing after the other until time is up."""

    def __init__(
        self,
        task: LightningTask,
        seconds: float,
        until: float,
        step_seconds: float,
        patience: float,
        threads: int,
        cpu: bool,
        say: Callable[[str], None],
    ) -> None:
        import torch

        self.task = task
        self.seconds = seconds
        self.until = until
        self.step_seconds = step_seconds
        self.patience = patience
        self.threads = threads
        self.say = say
        self.gpu = torch.cuda.is_available() and not cpu and task.accelerator == "auto"
        self.skipped: list[str] = []
        self.load = _load()
        wanted = task.precision
        self.precision = precision_in_hardware(float(self.gpu)) if wanted == "auto" else wanted
        say("reading a batch")
        module = within(10 * patience, lambda: data_module(task.data), "preparing the data")
        self.loader = module.train_dataloader()
        self.first = within(patience, lambda: resizable_batch(self.loader), "the training loader")

    def all(self, search: Search, most: int | None, compiled: bool) -> Speed:
        """Everything, in the order of what matters most."""
        space: Space[Any] = Space.of(search.space)
        self.say("choosing architectures")
        architectures = sized(space, search)
        name, baseline = next(iter(architectures.items()))
        batch, examples = batch_size(self.first), _examples(self.loader, self.task)
        most = most or examples or 2**20
        timings, ended = {}, {}
        for each, architecture in architectures.items():
            timings[each], ended[each] = self._doubled(each, architecture, most)
        if not any(timing.rate for timing in timings[name]):
            raise TaskError(f"the {name} does not train: {timings[name][-1].error}")
        own = {
            each: next((t for t in timings[each] if t.batch == batch and t.seconds), None)
            or self._time(f"{each}, {batch:,} a batch", self._steps(architecture, batch))
            for each, architecture in architectures.items()
        }
        recommended = best_batch(timings, most)
        used = recommended or max(t.batch for t in timings[name] if t.rate)
        whole = self._time("where time goes", self._steps(baseline, used), profiled=True)
        loadings = tuple(self._loadings(used))
        wait = next((x.wait(whole.seconds) for x in loadings if x.workers == self._workers), 0.0)
        precisions = self._precisions(baseline, used)
        sharing = self._sharing(baseline, architectures.get("largest", baseline), used, whole)
        wanted = best_loading(loadings, whole.seconds) if whole.seconds else None
        settings = self._settings(baseline, batch, wanted.workers if wanted else self._workers)
        return Speed(
            self._device(),
            self.gpu,
            self.precision,
            batch,
            examples,
            timings,
            own,
            ended,
            precisions,
            self._compiled(baseline, used) if compiled else None,
            loadings,
            self._workers,
            recommended,
            sharing,
            bottleneck(whole, wait, self.gpu) if whole.seconds else "not known",
            self._norms(baseline),
            tuple(self.skipped),
            self.load,
            settings,
            self._starts(baseline),
        )

    def _settings(
        self, baseline: Architecture, batch: int, workers: int
    ) -> tuple[SettingGain, ...]:
        """Each setting against none, with the user's own batch size and loader."""
        _, module = self.task.made(baseline)
        steps = self._steps(baseline, batch)

        def time_one(candidate: SettingCandidate | None, loading: bool) -> Timing | None:
            if self._late():
                return None
            name = candidate.name if candidate else "no setting"
            self.say(f"timing {name}")
            loader = None
            if loading:
                make = candidate.loader if candidate else None
                loader = make() if make else changed_loader(self.loader)
            return time_steps(
                self.task,
                replace(steps, setting=candidate.setting if candidate else ""),
                self.first,
                gpu=self.gpu,
                seconds=self.seconds,
                patience=self.patience,
                loader=loader,
            )

        return gains_of(candidates_of(self.loader, module, workers, self.gpu), time_one)

    def _starts(self, baseline: Architecture) -> tuple[TrialStart, ...]:
        import torch

        self.say("starting short trials")
        gpus = torch.cuda.device_count() if self.gpu else 0
        return trial_starts(self.task, baseline, gpus, self._late)

    def _late(self) -> bool:
        return time.monotonic() > self.until

    def _steps(self, architecture: Architecture, batch: int) -> Steps:
        return Steps(architecture, batch, self.precision, threads=self.threads)

    def _time(self, what: str, steps: Steps, *, profiled: bool = False) -> Timing:
        if self._late():
            self.skipped.append(what)
            return Timing(steps.batch, error="time was up")
        self.say(f"timing {what}")
        return time_steps(
            self.task,
            steps,
            self.first,
            gpu=self.gpu,
            seconds=self.seconds,
            patience=self.patience,
            profiled=profiled,
        )

    def _doubled(
        self, name: str, architecture: Architecture, most: int
    ) -> tuple[tuple[Timing, ...], str]:
        """Times by doubling the batch, and why that ended."""
        found: list[Timing] = []
        batch = min(_START, most)
        while True:
            timing = self._time(f"{name}, {batch:,} a batch", self._steps(architecture, batch))
            found.append(timing)
            why = self._why_end(found, most)
            if why:
                return tuple(found), why
            batch *= 2

    def _why_end(self, found: list[Timing], most: int) -> str:
        last = found[-1]
        if last.error:
            return f"at {last.batch:,} a batch: {last.error}"
        if 2 * last.batch > most:
            return f"the next batch would be larger than {counted(most, 'example')}"
        if 2 * last.seconds > self.step_seconds:
            return f"the next step would take longer than {counted(self.step_seconds, 'second')}"
        free = free_memory(self.gpu)
        if not self.gpu and (last.memory or 0) * 2 > _MEMORY * free:
            return f"the next batch would take more than {_MEMORY:.0%} of the free memory"
        gains = [other.rate / (2 * one.rate) for one, other in pairwise(found[-3:])]
        if not self.gpu and len(gains) == 2 and max(gains) < _FLAT:
            return "two doublings in a row brought less than a tenth of speed each"
        return ""

    def _precisions(self, architecture: Architecture, batch: int) -> dict[str, Timing]:
        return {
            precision: self._time(
                f"precision {precision}",
                replace(self._steps(architecture, batch), precision=precision),
            )
            for precision in (_PRECISIONS_GPU if self.gpu else _PRECISIONS)
        }

    def _compiled(self, architecture: Architecture, batch: int) -> Timing:
        if self._late():
            self.skipped.append("torch.compile")
            return Timing(batch, error="time was up")
        self.say("timing torch.compile")
        return time_compiled(
            self.task,
            replace(self._steps(architecture, batch), compiled=True),
            self.first,
            gpu=self.gpu,
            seconds=self.seconds,
            patience=self.patience,
        )

    def _loadings(self, batch: int) -> Iterator[Loading]:
        cores = os.cpu_count() or 1
        for workers in sorted({*(w for w in _WORKERS if w <= cores), self._workers}):
            if self._late():
                self.skipped.append(f"a loader with {counted(workers, 'worker')}")
                continue
            self.say(f"timing a loader with {counted(workers, 'worker')}")
            yield time_loading(self.loader, batch, workers, self.seconds, self.patience)

    @property
    def _workers(self) -> int:
        return int(getattr(self.loader, "num_workers", 0))

    def _sharing(
        self, baseline: Architecture, largest: Architecture, batch: int, whole: Timing
    ) -> Sharing | None:
        cores = os.cpu_count() or 1
        if not self.gpu:
            if cores == 1 or not whole.seconds:
                return None
            steps = self._steps(baseline, batch)
            one, every = (
                self._time(f"{counted(threads, 'thread')}", replace(steps, threads=threads))
                for threads in (1, cores)
            )
            known = one.seconds and every.seconds
            return shared_cpu(one.seconds, every.seconds, cores) if known else None
        import torch

        free, device = torch.cuda.mem_get_info()
        context = device - free - torch.cuda.memory_reserved()
        timing = self._time("the largest's memory", self._steps(largest, batch))
        if not timing.memory:
            return None
        return shared_gpu(context + timing.memory, device, whole.arithmetic)

    def _device(self) -> str:
        import torch

        if self.gpu:
            return str(torch.cuda.get_device_name())
        cores = counted(self.threads, "core")
        return f"{cores} of {os.cpu_count()}, as Resources(cpu=...) says"

    def _norms(self, architecture: Architecture) -> int:
        from torch.nn.modules.batchnorm import _BatchNorm

        _, module = self.task.made(architecture)
        return sum(isinstance(layer, _BatchNorm) for layer in module.modules())


def _load() -> float | None:
    """The machine's load over the last minute, for each core."""
    try:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    except OSError:
        return None


def _examples(loader: Any, task: LightningTask) -> int | None:
    """Examples of an epoch of stage 1."""
    try:
        count = len(loader.dataset)
    except (AttributeError, TypeError):
        return None
    if task.data.validation == "own":
        return int(count)
    left = count - round(task.data.share * count)
    return max(1, round(task.data.fraction * left))
