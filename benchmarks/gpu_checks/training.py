"""Trials on the device against what they promise: seeds, resume, torch.compile, overhead."""

from __future__ import annotations

import logging
import shutil
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from gpu_checks.check import Place, Row, check
from gpu_checks.networks import Classifier, CompiledNet, Net, data
from gpu_checks.searches import Seeing, completed, searched
from gpu_checks.sharing import Fixed
from raynas import Context, LightningTask, Resources
from raynas.preflight.compilation import time_compiled
from raynas.preflight.step_time import Steps, time_steps
from raynas.tasks.process_state import restored

__all__ = ["compiling", "determinism", "overhead", "resume"]

_TIMES = {"peak_memory_bytes"}


def _task(place: Place, steps: int, **options: Any) -> LightningTask:
    accelerator = place.pick("auto", "cpu")
    given = {"mode": "min", "accelerator": accelerator, **options}
    size = place.pick(32, 8)
    return LightningTask(Classifier, data(256, size, 32), "val_loss", steps, **given)


def _context(place: Place, **options: Any) -> Context:
    return Context(**{"seed": 7, "gpu": float(place.gpu), **options})


def _metrics(measurement: Any) -> dict[str, float]:
    return {name: value for name, value in measurement.metrics.items() if name not in _TIMES}


@check(
    60,
    alone=False,
    same_seed_same_figures="two trials of a seed measure the same, to the last bit",
    other_seed_other_figures="another seed measures something else",
    peak_memory_is_the_trials="the second trial of a process reports the peak memory of the first",
)
def determinism(place: Place) -> Iterator[Row]:
    """See the claims."""
    task, net = _task(place, place.pick(50, 8)), Net(place.pick(64, 8), 2)
    first, second = (task.run(net, _context(place)) for _ in range(2))
    other = task.run(net, _context(place, seed=8))
    same = _metrics(first) == _metrics(second)
    seen = f"val_loss {first.metrics['val_loss']!r} and {second.metrics['val_loss']!r}"
    yield Row.judged("same seed same figures", same, seen)
    apart = _metrics(first) != _metrics(other)
    seen = f"val_loss {other.metrics['val_loss']!r}"
    yield Row.judged("other seed other figures", apart, seen)
    peaks = [one.metrics.get("peak_memory_bytes", 0.0) for one in (first, second)]
    holds = peaks[0] == peaks[1] if place.gpu else None
    seen = " and ".join(f"{peak / 2**20:.1f} MiB" for peak in peaks)
    yield Row.judged("peak memory is the trials", holds, seen, peaks=peaks)


@check(
    60,
    alone=False,
    resumed_equals_whole="a trial that goes on from a checkpoint measures what the whole one does;"
    " within 1e-3 on a GPU",
    resumed_with_loss_scaling="likewise in 16-mixed, whose loss scale is kept too",
)
def resume(place: Place) -> Iterator[Row]:
    """See the claims."""
    yield _resumed(place, "resumed equals whole", place.pick("auto", "32-true"))
    if place.gpu:
        yield _resumed(place, "resumed with loss scaling", "16-mixed")
    else:
        yield Row("resumed with loss scaling", "skipped", "16-mixed needs a GPU")


def _resumed(place: Place, claim: str, precision: str) -> Row:
    steps = place.pick(30, 9)
    task = _task(place, steps, checkpoint_every=steps // 3, precision=precision)
    kept = Path(place.folder, f"{precision}.ckpt")
    files: list[Path] = []

    def keep(path: Path) -> None:
        if not files:
            files.append(Path(shutil.copy(path, kept)))

    net = Net(place.pick(32, 8), 2)
    whole = _metrics(task.run(net, _context(place, keep=keep)))
    resumed = task.run(net, _context(place, kept=lambda: kept))
    found = _metrics(resumed)
    loss, again = whole["val_loss"], found["val_loss"]
    apart = abs(again / loss - 1)
    scales = whole["loss_scale"] == found["loss_scale"]
    holds = bool(files) and scales and apart <= place.pick(1e-3, 0.0)
    return Row.judged(claim, holds, f"val_loss {loss!r} and {again!r}", apart=apart)


@check(
    170,
    every_trial_is_compiled="ten architectures one after another in one process are all compiled",
    compiled_steps="torch.compile trains; what it gains a step and costs at the first is shown",
)
def compiling(place: Place) -> Iterator[Row]:
    """See the claims."""
    yield _all_compiled(place)
    task = _task(place, 10)
    first = next(iter(task.data.source().train_dataloader()))
    steps = Steps(Net(place.pick(128, 8), 4), place.pick(256, 8), "32-true")
    seconds = place.pick(1.0, 0.2)
    plain = time_steps(task, steps, first, gpu=place.gpu, seconds=seconds, patience=60)
    compiled = Steps(steps.architecture, steps.batch, steps.precision, compiled=True)
    found = time_compiled(
        task, compiled, first, gpu=place.gpu, seconds=seconds, patience=place.pick(90, 150)
    )
    if found.error or plain.error:
        yield Row.judged("compiled steps", False, found.error or plain.error)
        return
    gain = plain.seconds / found.seconds
    seen = f"{gain:.2f}x; the first step took {found.first:.1f} s instead of {plain.first:.1f} s"
    yield Row.judged("compiled steps", True, seen, gain=gain, cost=found.first)


def _all_compiled(place: Place) -> Row:
    from torch._dynamo.utils import counters

    task = _task(place, 2)
    graphs = []
    for depth in range(1, 9):
        before = counters["stats"]["unique_graphs"]
        with restored():
            task.run(CompiledNet(8 * (1 + depth % 2), depth), _context(place))
        graphs.append(counters["stats"]["unique_graphs"] - before)
    for width in (40, 48):
        before = counters["stats"]["unique_graphs"]
        with restored():
            task.run(CompiledNet(width, 1), _context(place))
        graphs.append(counters["stats"]["unique_graphs"] - before)
    return Row.judged("every trial is compiled", min(graphs) > 0, f"graphs of each: {graphs}")


@check(
    120,
    task_overhead="a LightningTask in a warm process takes at most 0.3 s more than Lightning alone",
    search_overhead="a trial in a search takes at most 0.3 s more than LightningTask",
)
def overhead(place: Place) -> Iterator[Row]:
    """See the claims."""
    steps, rounds = place.pick(50, 5), place.pick(8, 3)
    task, net = _task(place, steps, validation="own"), Net(place.pick(64, 8), 2)
    if not place.gpu:
        torch.set_num_threads(1)
    ways = {
        "Lightning": lambda: _lightning(place, net, steps),
        "LightningTask": lambda: task.run(net, _context(place)),
    }
    took = {name: _median(way, rounds) for name, way in ways.items()}
    added = took["LightningTask"] - took["Lightning"]
    holds = added <= 0.3 if place.gpu else None
    shown = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in took.items())
    yield Row.judged("task overhead", holds, f"{shown}: {1e3 * added:+.0f} ms", **took)
    seeing = Seeing(Fixed(task, net), Path(place.folder, "started"), 1)
    gpu = place.pick(1, 0)
    resources = Resources(cpu=1, gpu=gpu)
    found = completed(
        searched(place, "overhead", Net, seeing, rounds + 2, resources=resources, parallel=1)
    )
    ends = [trial["ended"] for trial in found][1:]
    between = (ends[-1] - ends[0]) / (len(ends) - 1)
    more = between - took["LightningTask"]
    holds = more <= 0.3 if place.gpu else None
    seen = f"{between:.3f} s from one to the next: {1e3 * more:+.0f} ms"
    yield Row.judged("search overhead", holds, seen, between=between)


def _median(way: Any, rounds: int) -> float:
    way()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        way()
        taken.append(time.perf_counter() - start)
    return sorted(taken)[len(taken) // 2]


def _lightning(place: Place, net: Net, steps: int) -> None:
    with _quiet():
        trainer = pl.Trainer(
            max_steps=steps,
            accelerator=place.pick("gpu", "cpu"),
            devices=1,
            precision=place.pick("bf16-mixed", "32-true"),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            default_root_dir=place.folder,
        )
        trainer.fit(Classifier(net.build()), datamodule=data(256, place.pick(32, 8), 32)())


@contextmanager
def _quiet() -> Iterator[None]:
    log = logging.getLogger("pytorch_lightning")
    level = log.level
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            log.setLevel(level)
