"""Time per training step of a LightningModule, with everything that Lightning does around it."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from raynas.errors import TaskError, in_a_line
from raynas.preflight.batch_sizes import moved, resized
from raynas.preflight.compute_settings import applied
from raynas.preflight.time_limits import within
from raynas.tasks import Context, LightningTask
from raynas.tasks.device import best_precision, device_memory
from raynas.tasks.device_errors import out_of_memory
from raynas.tasks.lightning import quiet
from raynas.tasks.lightning.step_budget import StepBudget
from raynas.tasks.lightning.trainer import make_trainer
from raynas.tasks.lightning.training_callback import TrainingCallback, callback
from raynas.tasks.lightning.trial_data import TrialData
from raynas.tasks.random_state import seed_all
from raynas.trials import Architecture
from raynas.wording import counted

__all__ = ["Steps", "Timing", "free_memory", "time_steps", "without_monitors"]

_WARM_UP = 3  # steps: caches are filled and kernels chosen in the first ones
_LEAST = 3  # steps, of which the median leaves out one outlier
_MOST = 100  # steps; the median is known well before
_PROFILED = 2  # steps; profiling slows them down
_ARITHMETIC = ("aten::", "torch::", "mkl", "cudnn")


@dataclass(frozen=True)
class Steps:
    """What to time.

    Attributes:
        architecture: Architecture whose network is timed.
        batch: Examples a step.
        precision: Precision, as Lightning's Trainer takes it; ``"auto"`` for the fastest that the
            hardware has.
        compiled: Whether to put the module through `torch.compile`.
        threads: Threads of a training on a CPU.
        setting: Name of one of `raynas.preflight.compute_settings.COMPUTE_SETTINGS`; empty for
            none.
    """

    architecture: Architecture
    batch: int
    precision: str = "auto"
    compiled: bool = False
    threads: int = 1
    setting: str = ""


@dataclass(frozen=True)
class Timing:
    """How long a step takes.

    Attributes:
        batch: Examples a step.
        seconds: Seconds of one step without loading data; 0 where there is an error.
        steps: How many were timed.
        memory: Bytes that training took of the device at most; None if unknown.
        arithmetic: Share of a step in which the device computes; the rest is Python, Lightning and
            the launching of kernels. None where it was not looked at.
        first: Seconds until the first step was done; a compiled module is compiled then.
        error: Why there is no time: ``"out of memory"``, or what was raised.
        mean: Seconds of a step on average, the starts of epochs included.
        losses: Training loss of the first steps; empty where the module returns none.
    """

    batch: int
    seconds: float = 0.0
    steps: int = 0
    memory: int | None = None
    arithmetic: float | None = None
    first: float = 0.0
    error: str = ""
    mean: float = 0.0
    losses: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Examples a second; 0 where there is no time."""
        return self.batch / self.seconds if self.seconds else 0.0


def time_steps(
    task: LightningTask,
    steps: Steps,
    batch: Any,
    *,
    gpu: bool,
    seconds: float,
    patience: float,
    profiled: bool = False,
    loader: Any = None,
) -> Timing:
    """Train for `seconds` on one batch, again and again, and time the steps.

    Running out of memory, and whatever else the module raises, is a result.

    Args:
        task: Makes module and network.
        steps: What to time.
        batch: What `raynas.preflight.batch_sizes.resizable_batch` gives, or a batch of any size.
        gpu: Whether to train on a GPU.
        seconds: How long to time steps for.
        patience: Seconds after which to give up.
        profiled: Whether to look where the time goes.
        loader: Loader whose batches to train on instead, so that times include loading.

    Raises:
        TaskError: It took longer than `patience`.
    """

    def work() -> Timing:
        import torch

        if not gpu:
            torch.set_num_threads(steps.threads)
        try:
            return _timed(task, steps, batch, gpu, seconds, profiled, loader)
        except Exception as error:
            if out_of_memory(error):
                return Timing(steps.batch, error="out of memory")
            return Timing(steps.batch, error=in_a_line(error))

    what = f"training steps of {counted(steps.batch, 'example')}"
    return within(patience, work, what)


def _timed(
    task: LightningTask,
    steps: Steps,
    batch: Any,
    gpu: bool,
    seconds: float,
    profiled: bool,
    loader: Any,
) -> Timing:
    seed_all(task.data.seed)
    package, module = task.made(steps.architecture)
    clock = _Clock(seconds, gpu, profiled)
    precision = best_precision(float(gpu)) if steps.precision == "auto" else steps.precision
    given = _Same(_on_device(resized(batch, steps.batch), gpu)) if loader is None else loader
    with (
        quiet(),
        applied(steps.setting, module),
        device_memory(float(gpu)) as peak,
        TemporaryDirectory(prefix="raynas-speed-") as folder,
    ):
        data = TrialData(replace(task.data, validation="own"), package)
        data.give(given)
        trainer = make_trainer(
            package,
            task.trainer,
            callback(package, [], "FirstParts"),
            callback(package, [clock]),
            Path(folder),
            budget=StepBudget(_WARM_UP + _MOST + _PROFILED, 1, Context(), data.batches),
            accelerator="gpu" if gpu else "cpu",
            devices=1,
            precision=precision,
            limit_val_batches=0,
        )
        trainer.fit(_compiled(module) if steps.compiled else module, **data.fit_arguments())
        memory = peak().get("peak_memory_bytes")
    if not clock.taken:
        raise TaskError(
            f"module: {counted(clock.batches, 'batch', 'batches')} went by without an optimizer "
            "step"
        )
    return Timing(
        steps.batch,
        statistics.median(clock.taken),
        len(clock.taken),
        None if memory is None else int(memory),
        clock.arithmetic(),
        clock.first,
        mean=statistics.fmean(clock.taken),
        losses=tuple(clock.losses),
    )


def _on_device(batch: Any, gpu: bool) -> Any:
    if not gpu:
        return batch
    import torch

    return moved(batch, torch.device("cuda"))


def _compiled(module: Any) -> Any:
    """`module` through `torch.compile`, all but its logging, which Dynamo fails on."""
    import torch

    for name in ("log", "log_dict"):
        setattr(module, name, torch.compiler.disable(getattr(module, name)))  # type: ignore[no-untyped-call]
    return torch.compile(module)


class _Same:
    """A loader that gives one batch again and again."""

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def __iter__(self) -> Iterator[Any]:
        for _ in range(10 * _MOST):
            yield self.batch

    def __len__(self) -> int:
        return 10 * _MOST


class _Clock(TrainingCallback):
    """Times steps after a few to warm up, and ends the training when it has enough."""

    def __init__(self, seconds: float, gpu: bool, profiled: bool) -> None:
        self.seconds = seconds
        self.gpu = gpu
        self.profiled = profiled
        self.taken: list[float] = []
        self.batches = 0
        self.first = 0.0
        self.losses: list[float] = []
        self._began = self._last = time.perf_counter()
        self._profiler: Any = None
        self._profile: list[Any] = []

    def on_train_start(self, trainer: Any) -> None:
        """See `TrainingCallback`."""
        without_monitors(trainer)
        self._began = self._last = time.perf_counter()

    def on_train_batch_end(self, trainer: Any, outputs: Any) -> None:
        """See `TrainingCallback`."""
        if self.gpu:
            import torch

            torch.cuda.synchronize()
        now = time.perf_counter()
        if self.batches < _WARM_UP:
            self._keep_loss(outputs)
        self.batches += 1
        if self.batches == 1:
            self.first = now - self._began
        if self._profiler is not None:
            self._end_profile(trainer)
        elif self.batches > _WARM_UP and trainer.global_step:
            self.taken.append(now - self._last)
            self._end_if_enough(trainer)
        elif self.batches > 10 * _WARM_UP:
            trainer.should_stop = True
        self._last = time.perf_counter()

    def _keep_loss(self, outputs: Any) -> None:
        loss: Any = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if getattr(loss, "numel", int)() == 1:
            self.losses.append(float(loss.detach()))

    def _end_if_enough(self, trainer: Any) -> None:
        enough = sum(self.taken) >= self.seconds and len(self.taken) >= _LEAST
        if not enough and len(self.taken) < _MOST:
            return
        if not self.profiled:
            trainer.should_stop = True
            return
        from torch.profiler import ProfilerActivity, profile

        kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if self.gpu else [])]
        self._profiler = profile(activities=kinds, acc_events=True)
        with _silenced():
            self._profiler.__enter__()

    def _end_profile(self, trainer: Any) -> None:
        with _silenced():
            self._profiler.__exit__(None, None, None)
        self._profile = list(self._profiler.key_averages())
        trainer.should_stop = True

    def arithmetic(self) -> float | None:
        """Share of a step in which the device computes."""
        if not self._profile or not self.taken:
            return None
        if self.gpu:
            busy = sum(event.self_device_time_total for event in self._profile)
        else:
            busy = sum(
                event.self_cpu_time_total
                for event in self._profile
                if event.key.startswith(_ARITHMETIC)
            )
        return float(min(1.0, busy * 1e-6 / statistics.median(self.taken)))


def without_monitors(trainer: Any) -> None:
    """Take out the callbacks and schedulers that wait for a validated metric."""
    trainer.callbacks = [one for one in trainer.callbacks if not getattr(one, "monitor", None)]
    trainer.strategy.lr_scheduler_configs = [
        config for config in trainer.lr_scheduler_configs if not config.reduce_on_plateau
    ]


@contextmanager
def _silenced() -> Iterator[None]:
    """Silence what the profiler's own library writes to stderr at each start and stop."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def free_memory(gpu: bool) -> int:
    """Bytes that are free on the device."""
    if gpu:
        import torch

        return int(torch.cuda.mem_get_info()[0])
    import psutil

    return int(psutil.virtual_memory().available)
