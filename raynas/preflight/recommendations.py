"""Recommendations by measured times: batch size, loader workers, and trials a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from raynas.preflight.loader_speed import Loading
from raynas.preflight.step_time import Timing
from raynas.wording import counted

__all__ = [
    "GAIN",
    "Sharing",
    "best_batch",
    "best_loading",
    "best_precision",
    "bottleneck",
    "efficiencies",
    "shared_cpu",
    "shared_gpu",
]

GAIN = 1.05
"""A setting that is less faster than this is not recommended: timings vary by as much."""

_ENOUGH = 0.9  # of the highest throughput: larger batches only cost memory
_WAIT = 0.05  # of a step, which is within its noise
_WAITS_MUCH = 0.2  # of a step: a fifth of the search's cost
_BUSY = 0.7  # share of a step in arithmetic; chosen by hand
_SCALES = 0.7  # of perfect scaling: the rest is lost to synchronization
_RESERVE = 0.1  # of the memory, for fragmentation and larger architectures
_MOST = 16  # trials on a device: beyond, processes cost more than they use


def efficiencies(timings: Sequence[Timing]) -> list[float | None]:
    """How far each doubling of the batch doubled the examples a second.

    1 where it did, 0.5 where it brought nothing; None for the first, and beside one without a time.
    """
    found: list[float | None] = [None]
    for one, other in pairwise(timings):
        growth = other.batch / one.batch
        known = one.rate and other.rate
        found.append(other.rate / one.rate / growth if known else None)
    return found


def best_batch(timings: Mapping[str, Sequence[Timing]], most: int) -> int | None:
    """The smallest batch at which each architecture trains nine tenths as fast as it ever does.

    A larger one would cost more for each step and bring no speed. It is one that fits for all.

    Args:
        timings: Timings of each architecture, by name.
        most: The largest batch to consider.

    Returns:
        None where none fits for all.
    """
    fits = [{t.batch for t in each if t.rate and t.batch <= most} for each in timings.values()]
    common = sorted(set.intersection(*fits)) if fits else []
    if not common:
        return None
    needed = []
    for each in timings.values():
        rates = {t.batch: t.rate for t in each if t.batch in common}
        top = max(rates.values())
        needed.append(min(batch for batch, rate in rates.items() if rate >= _ENOUGH * top))
    return max(needed)


def best_precision(timings: Mapping[str, Timing]) -> str | None:
    """The fastest precision; 32-true unless another one is at least 5 % faster."""
    known = {name: timing.seconds for name, timing in timings.items() if timing.seconds}
    if not known:
        return None
    fastest = min(known, key=lambda name: known[name])
    full = known.get("32-true")
    return fastest if full is None or full / known[fastest] >= GAIN else "32-true"


def best_loading(loadings: Sequence[Loading], step: float) -> Loading | None:
    """The loader of fewest workers that lets a step wait no longer than 5 % of itself.

    Where none does, the one that lets it wait least.
    """
    known = [loading for loading in loadings if not loading.error]
    good = [loading for loading in known if loading.wait(step) <= _WAIT * step]
    if good:
        return min(good, key=lambda loading: loading.workers)
    return min(known, key=lambda loading: loading.wait(step), default=None)


def bottleneck(step: Timing, wait: float, gpu: bool) -> str:
    """What a training is held up by most, in words.

    Args:
        step: Timing of a step with the batch size of the training.
        wait: Seconds that each step waits for data.
        gpu: Whether it trains on a GPU.
    """
    share = wait / (wait + step.seconds)
    if share > _WAITS_MUCH:
        return (
            f"data loading: {share:.0%} of the time a step waits for its batch; use more workers, "
            "or keep decoded data in memory"
        )
    device = "GPU" if gpu else "CPU"
    if step.arithmetic is not None and step.arithmetic < _BUSY:
        cure = "let several trials share the GPU" if gpu else "run several trials at a time"
        return (
            f"the host: the {device} computes {step.arithmetic:.0%} of a step, the rest is Python, "
            f"Lightning and launching; take larger batches, try torch.compile, or {cure}"
        )
    computes = "" if step.arithmetic is None else f": it computes {step.arithmetic:.0%} of a step"
    return f"the {device}{computes}; only a faster device, lower precision or fewer steps help"


@dataclass(frozen=True)
class Sharing:
    """How many trials should share a device.

    Attributes:
        trials: Simultaneous trials on one GPU, or on this machine if it has none.
        gpu: What each reserves of a GPU.
        cpu: How many cores each reserves.
        words: Why.
    """

    trials: int
    gpu: float
    cpu: int
    words: str


def shared_gpu(taken: int, device: int, busy: float | None) -> Sharing:
    """How many trials fit on a GPU, and gain from sharing it.

    Args:
        taken: Bytes that a trial of the largest architecture takes.
        device: Bytes that the GPU has.
        busy: Share of the time in which the GPU computes for one trial; None where unknown.
    """
    by_memory = max(1, int(device * (1 - _RESERVE) / max(taken, 1)))
    by_use = by_memory if busy is None else max(1, int(1 / max(busy, 1 / _MOST) + _RESERVE))
    trials = min(by_memory, by_use, _MOST)
    used = "" if busy is None else f"and one keeps it busy for {busy:.0%} of the time"
    words = (
        f"its memory holds the largest architecture {counted(by_memory, 'time')}, a tenth left "
        f"free, {used}"
    ).rstrip(", ")
    return Sharing(trials, round(1 / trials, 4), 1, words)


def shared_cpu(one: float, all_cores: float, cores: int) -> Sharing:
    """Whether each trial should have one core, or one trial all of them.

    Args:
        one: Seconds of a step on one core.
        all_cores: Seconds of a step on all.
        cores: How many there are.
    """
    speedup = one / all_cores
    words = f"a step is {speedup:.2g} times as fast on {counted(cores, 'core')} as on one"
    if cores > 1 and speedup >= _SCALES * cores:
        return Sharing(1, 0.0, cores, words)
    return Sharing(cores, 0.0, 1, words)
