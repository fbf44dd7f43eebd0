"""How many steps it takes to a target, for several batch sizes: the critical batch size.

Up to some batch size, twice the batch takes half the steps; beyond it, returns fall. Shallue et al.
2019, "Measuring the Effects of Data Parallelism on Neural Network Training", JMLR, section 4; the
trade-off between steps and examples is fitted as in McCandlish et al. 2018, "An Empirical Model of
Large-Batch Training", section 2.3: steps = fewest * (1 + critical / batch).

The learning rate is scaled with the batch and tuned a little for each, as any comparison at one
rate would only find for which batch that rate is right.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.optimize import curve_fit

from raynas.errors import ConfigurationError, InfeasibleArchitecture
from raynas.stages import TrainingSettings
from raynas.tasks import Context, LightningTask
from raynas.tasks.lightning.loader_collections import leaves
from raynas.tasks.lightning.split import data_module
from raynas.tasks.variation import overridden, varied
from raynas.trials import Architecture, Mode

__all__ = ["BatchCurve", "BatchPoint", "measure_critical_batch", "trade_off"]

_AROUND = (0.5, 1.0, 2.0)
"""Times the usual rate: a factor of two apart, as in grids of rates in practice."""
_EVALUATIONS = 40  # so that the step at which a loss is reached is known to 2.5 %
_FEWEST_POINTS = 3  # a curve of two parameters needs three
_FALLING = 1.5
"""A batch that saves less than two thirds of perfect scaling is beyond the critical one."""
_LONGER = 4  # times the given steps at most, so that small batches get as far
_KEPT = (
    *("num_workers", "collate_fn", "worker_init_fn", "multiprocessing_context", "generator"),
    *("pin_memory", "timeout", "prefetch_factor", "persistent_workers"),
)
_FURTHER, _FEWEST_RATES, _FACTOR = 3, 2, 2.0
"""Rates beyond the ends of the grid; chosen by hand, each costs a run."""


@dataclass(frozen=True)
class BatchPoint:
    """What a batch size took.

    Attributes:
        batch: Examples of a step.
        steps: Fewest steps to the target, over the rates that were tried; None where none got
            there within the steps allowed.
        rate: Multiple of the module's learning rate that took them.
        tried: Steps to the target by learning rate; None if it was not reached.
    """

    batch: int
    steps: int | None
    rate: float | None
    tried: tuple[tuple[float, int | None], ...]

    @property
    def examples(self) -> int | None:
        """Examples that were seen up to the target."""
        return None if self.steps is None else self.steps * self.batch

    @property
    def at_an_edge(self) -> bool:
        """Whether the best rate was the largest or smallest, so that a better one may exist."""
        rates = [rate for rate, _ in self.tried]
        return self.rate in (min(rates), max(rates)) and len(rates) > 1


@dataclass(frozen=True)
class BatchCurve:
    """Steps to a target against batch sizes.

    Attributes:
        metric: What was to be reached.
        target: The value.
        points: One point for each batch size, smallest first.
        critical: Batch size at which twice the fewest steps are needed, and twice the fewest
            examples; None where fewer than three batch sizes reached the target.
        fewest_steps: Steps that no batch size gets below.
    """

    metric: str
    target: float
    points: tuple[BatchPoint, ...]
    critical: float | None
    fewest_steps: float | None

    @property
    def falling_from(self) -> int | None:
        """Smallest batch from which on doubling saves clearly less than half of the steps."""
        known = [(p.batch, p.steps) for p in self.points if p.steps is not None]
        for (batch, steps), (larger, fewer) in itertools.pairwise(known):
            if steps / fewer < (larger / batch) / _FALLING:
                return batch
        return None


def measure_critical_batch(
    task: LightningTask,
    architecture: Architecture,
    target: float,
    batches: Sequence[int],
    *,
    scaling: Literal["linear", "sqrt"] = "linear",
    rates: Sequence[float] = _AROUND,
    gpu: float = 0.0,
    say: Callable[[str], None] = lambda _: None,
) -> BatchCurve:
    """Train with each batch size until the metric reaches `target`.

    A training sees as many examples as one of the task does, but has no fewer steps than that and
    at most four times as many. While the best rate is at the edge of those tried, the next one is
    tried too, up to three times. The step at which it reaches the target is interpolated between
    validations.

    Args:
        task: What trains; with its module's learning rate at its own batch size.
        architecture: What to train.
        target: Value of the task's metric.
        batches: Batch sizes.
        scaling: How the rate is scaled with the batch before it is tuned: in proportion, or by the
            square root, which suits Adam.
        rates: Factors around the scaled rate, to begin with.
        gpu: GPUs to train on.
        say: Told what is being tried.

    Raises:
        ConfigurationError: An argument is out of its range, or the loader has no batch size.
    """
    sizes = sorted(set(batches))
    if len(sizes) < _FEWEST_POINTS or sizes[0] < 1:
        raise ConfigurationError(
            f"batches={list(batches)}: give three or more different batch sizes from 1 on"
        )
    own = _own_batch(task)
    points = []
    for batch in sizes:
        scale = batch / own if scaling == "linear" else math.sqrt(batch / own)
        tried: list[tuple[float, int | None]] = []
        waiting = [scale * factor for factor in rates]
        while waiting and len(tried) < len(rates) + _FURTHER:
            rate = waiting.pop(0)
            say(f"batch {batch}, learning rate x {rate:.3g}")
            made = _at(task, batch, own, rate)
            tried.append((rate, _steps(made, architecture, target, gpu)))
            waiting = waiting or _beyond(tried)
        points.append(_point(batch, tried))
    return trade_off(task.metric, target, points)


def trade_off(metric: str, target: float, points: Sequence[BatchPoint]) -> BatchCurve:
    """The curve through `points`, with the critical batch size that fits it.

    Args:
        metric: What was to be reached.
        target: The value.
        points: One point for each batch size.
    """
    known = [(p.batch, p.steps) for p in points if p.steps is not None]
    if len(known) < _FEWEST_POINTS:
        return BatchCurve(metric, target, tuple(points), None, None)
    batch, steps = (np.array(column, dtype=float) for column in zip(*known, strict=True))

    def log_steps(size: Any, fewest: float, critical: float) -> Any:
        return fewest + np.log1p(np.exp(critical) / size)

    start = (math.log(steps.min()), math.log(float(np.median(batch))))
    (fewest, critical), _ = curve_fit(log_steps, batch, np.log(steps), p0=start, maxfev=10_000)
    return BatchCurve(metric, target, tuple(points), math.exp(critical), math.exp(fewest))


def _beyond(tried: Sequence[tuple[float, int | None]]) -> list[float]:
    """The next rate, if the best one is the largest or smallest of several that were tried."""
    best = _point(1, tried).rate
    rates = [rate for rate, _ in tried]
    if best is None or len(rates) < _FEWEST_RATES or min(rates) < best < max(rates):
        return []
    return [best * _FACTOR if best == max(rates) else best / _FACTOR]


def _point(batch: int, tried: Sequence[tuple[float, int | None]]) -> BatchPoint:
    reached = [(steps, rate) for rate, steps in tried if steps is not None]
    steps, rate = min(reached) if reached else (None, None)
    return BatchPoint(batch, steps, rate, tuple(tried))


def _own_batch(task: LightningTask) -> int:
    """Batch size of the data module's training loader.

    Raises:
        ConfigurationError: It has none, or there are several loaders.
    """
    loaders = list(leaves(data_module(task.data).train_dataloader()))
    size = getattr(loaders[0], "batch_size", None) if len(loaders) == 1 else None
    if size is None:
        raise ConfigurationError(
            "data: the batch size is not that of a single DataLoader, so it cannot be changed "
            "here; give the data module one loader with batch_size="
        )
    return int(size)


def _at(task: LightningTask, batch: int, own: int, rate: float) -> LightningTask:
    """`task` with another batch size, a multiple of its learning rate, and no schedule."""
    made = copy.copy(task)
    made.data = replace(task.data, source=_Rebatched(task.data.source, batch))
    as_many_examples = round(task.max_steps * own / batch)
    longest = max(task.max_steps, min(_LONGER * task.max_steps, as_many_examples))
    made.max_steps = max(_EVALUATIONS, longest)
    made.evaluations = _EVALUATIONS
    made.schedule = "none"
    return varied(made, TrainingSettings(learning_rate=rate))


class _ReachedError(Exception):
    """Ends a training that has reached the target."""


def _steps(
    task: LightningTask, architecture: Architecture, target: float, gpu: float
) -> int | None:
    """Steps of a training to the target, where it ends; None where it does not get there."""
    curve: list[tuple[int, float]] = []

    def look(step: int, metrics: Mapping[str, float]) -> None:
        if task.metric in metrics:
            curve.append((step, metrics[task.metric]))
            if _reached(curve, target, task.mode) is not None:
                raise _ReachedError

    with suppress(_ReachedError, InfeasibleArchitecture):
        task.run(architecture, Context(seed=0, gpu=gpu, report=look))
    return _reached(curve, target, task.mode)


def _reached(curve: Sequence[tuple[int, float]], target: float, mode: Mode) -> int | None:
    """The step at which a curve first reaches `target`, interpolated; None where it does not."""
    sign = 1.0 if mode == "max" else -1.0
    before: tuple[int, float] | None = None
    for step, value in curve:
        if sign * value >= sign * target:
            if before is None or value == before[1]:
                return step
            share = (target - before[1]) / (value - before[1])
            return max(1, round(before[0] + share * (step - before[0])))
        before = (step, value)
    return None


class _Rebatched:
    """Makes the data of a source, whose training loader has another batch size."""

    def __init__(self, source: Any, batch: int) -> None:
        self.source = source
        self.batch = batch
        self.__qualname__ = f"{getattr(source, '__qualname__', type(source).__qualname__)}"

    def __call__(self) -> Any:
        """A data module, or loaders."""
        made = self.source() if callable(self.source) else copy.deepcopy(self.source)
        if isinstance(made, tuple):
            return (_with_batch(made[0], self.batch), *made[1:])
        batch = self.batch

        def smaller(inherited: Callable[..., Any]) -> Callable[..., Any]:
            def train_dataloader(module: Any) -> Any:
                return _with_batch(inherited(module), batch)

            return train_dataloader

        overridden(made, "train_dataloader", smaller)
        return made


def _with_batch(loader: Any, batch: int) -> Any:
    """A loader like `loader`, with another batch size and no last batch that is smaller.

    Raises:
        ConfigurationError: Its batches cannot be made anew, as by a class of the user's.
    """
    from torch.utils.data import BatchSampler, DataLoader, IterableDataset

    if type(loader) is not DataLoader or type(loader.batch_sampler) not in (
        BatchSampler,
        type(None),
    ):
        raise ConfigurationError(
            f"data: the batches of a {type(loader).__name__} cannot be made anew in another size; "
            "give the data module a plain DataLoader with batch_size="
        )
    streamed = isinstance(loader.dataset, IterableDataset)
    kept: dict[str, Any] = {name: getattr(loader, name) for name in _KEPT}
    if not streamed:
        kept["sampler"] = loader.sampler
    drop_last = streamed or len(kept["sampler"]) > batch
    return DataLoader(loader.dataset, batch_size=batch, drop_last=drop_last, **kept)
