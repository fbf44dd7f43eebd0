"""Gains in speed of settings that should change nothing else, each against none of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from raynas.errors import TaskError
from raynas.preflight.compute_settings import COMPUTE_SETTINGS
from raynas.preflight.loader_speed import changed_loader
from raynas.preflight.step_time import Timing

__all__ = ["SettingCandidate", "SettingGain", "candidates_of", "gains_of", "loss_difference"]

ROUNDS = 5  # four degrees of freedom: an interval of 1.2 standard deviations to both sides
_SAME_LOSS = 1e-3  # of the loss: other orders of summation differ by less within a few steps
_PREFETCH = 4  # batches of each worker, twice the default
_NEEDS_GPU = "needs a GPU"


@dataclass(frozen=True)
class SettingCandidate:
    """A setting to try.

    Attributes:
        name: What it is called.
        change: What to write to adopt it.
        setting: Name of a `raynas.preflight.compute_settings.ComputeSetting`; empty for a setting
            of the data loader.
        loader: Makes the loader with it; None where the data are not loaded anew.
        reason: Why it is not measured; empty where it is.
    """

    name: str
    change: str
    setting: str = ""
    loader: Callable[[], Any] | None = None
    reason: str = ""


@dataclass(frozen=True)
class SettingGain:
    """What a setting brings.

    Attributes:
        name: What it is called.
        change: What to write to adopt it.
        gain: How many times as fast a step is with it; 0 where it was not measured.
        low: Lower end of a 95 % interval of `gain`.
        high: Upper end of it.
        loss_difference: Largest relative difference of the first steps' losses from those without
            it, with the same seed; None where the module returns no loss.
        same_loss: Whether that is no more than a thousandth, or than what the losses differ by from
            run to run with no setting changed.
        reason: Why it was not measured.
    """

    name: str
    change: str
    gain: float = 0.0
    low: float = 0.0
    high: float = 0.0
    loss_difference: float | None = None
    same_loss: bool = True
    reason: str = ""

    @property
    def faster(self) -> bool:
        """Whether it is faster by more than what times vary by."""
        return self.low > 1

    @property
    def words(self) -> str:
        """The gain in words, with its interval."""
        if self.reason:
            return self.reason
        interval = f"{self.gain:.2f} times as fast ({self.low:.2f} to {self.high:.2f})"
        if self.faster:
            return interval
        return f"slower: {interval}" if self.high < 1 else f"no measurable gain: {interval}"

    @property
    def loss_words(self) -> str:
        """What it does to the loss, in words; empty where it was not measured."""
        if self.reason:
            return ""
        if self.loss_difference is None:
            return "not known: training_step returns none"
        if self.same_loss:
            return "same"
        return f"changes by {self.loss_difference:.2g} of itself"


def candidates_of(
    loader: Any, module: Any, workers: int, gpu: bool
) -> tuple[SettingCandidate, ...]:
    """The settings to try with a loader and a module.

    Args:
        loader: The training loader as it is.
        module: The LightningModule of the baseline.
        workers: Loader workers that suffice.
        gpu: Whether trainings run on a GPU.
    """
    found = [*_of_step(module, gpu), *_of_loader(loader, workers, gpu)]
    return tuple(found)


def _of_step(module: Any, gpu: bool) -> Iterator[SettingCandidate]:
    for setting in COMPUTE_SETTINGS.values():
        reason = _NEEDS_GPU if setting.needs_gpu and not gpu else setting.speaks_against(module)
        yield SettingCandidate(setting.name, setting.change, setting.name, None, reason)


def _of_loader(loader: Any, workers: int, gpu: bool) -> Iterator[SettingCandidate]:
    several = max(1, workers)
    own = int(getattr(loader, "num_workers", 0))
    arguments: list[tuple[dict[str, Any], str]] = []
    if workers != own:
        arguments.append(({"num_workers": workers}, ""))
    with_workers = {"num_workers": several}
    on = "on already" if getattr(loader, "persistent_workers", False) else ""
    arguments.append(({**with_workers, "persistent_workers": True}, on))
    arguments.append(({**with_workers, "prefetch_factor": _PREFETCH}, ""))
    pinned = "on already" if getattr(loader, "pin_memory", False) else ""
    arguments.append(({"pin_memory": True}, _NEEDS_GPU if not gpu else pinned))
    for changes, reason in arguments:
        written = ", ".join(f"{name}={value}" for name, value in changes.items())
        name = next(name for name in reversed(changes))
        make = partial(changed_loader, loader, **changes)
        if not reason:
            try:
                make()
            except (TaskError, ValueError) as error:
                reason = str(error)
        yield SettingCandidate(name, f"DataLoader(..., {written})", "", make, reason)


def gains_of(
    candidates: Sequence[SettingCandidate],
    time_one: Callable[[SettingCandidate | None, bool], Timing | None],
    rounds: int = ROUNDS,
) -> tuple[SettingGain, ...]:
    """The gain of each of `candidates`.

    Each round times all of them and their counterparts without a setting one after another, every
    second round in the opposite order, so that what slows the machine down for a while slows them
    alike. A gain is the mean ratio of the rounds, with the interval of Student's t.

    Args:
        candidates: What to try; those with a reason are not measured.
        time_one: Times a candidate, or for None training without a setting, with the data loaded
            anew or not; None where time is up.
        rounds: How often, at least 2.
    """
    measured = [one for one in candidates if not one.reason]
    loads = sorted({one.loader is not None for one in measured})
    taken: dict[tuple[str, bool], list[Timing]] = {}
    plan: list[SettingCandidate | bool] = [*measured, *loads]
    for number in range(rounds):
        made: dict[tuple[str, bool], Timing] = {}
        for one in plan if number % 2 == 0 else plan[::-1]:
            candidate = None if isinstance(one, bool) else one
            loading = one if isinstance(one, bool) else one.loader is not None
            timing = time_one(candidate, loading)
            if timing is None:
                break
            made["" if candidate is None else candidate.name, loading] = timing
        if len(made) < len(plan):
            break
        for key, timing in made.items():
            taken.setdefault(key, []).append(timing)
    return tuple(_gain(one, taken) for one in candidates)


def _gain(
    candidate: SettingCandidate, taken: Mapping[tuple[str, bool], list[Timing]]
) -> SettingGain:
    found = SettingGain(candidate.name, candidate.change, reason=candidate.reason)
    if candidate.reason:
        return found
    loading = candidate.loader is not None
    own, base = taken.get((candidate.name, loading), []), taken.get(("", loading), [])
    error = next((timing.error for timing in [*own, *base] if timing.error), "")
    if error or len(own) < 2:
        return replace(found, reason=error or "not measured, as time was up")
    logs = [math.log(one.mean / other.mean) for one, other in zip(base, own, strict=True)]
    mean, half = statistics.fmean(logs), _half_width(logs)
    difference = loss_difference(own[0].losses, base[0].losses)
    spread = max((loss_difference(one.losses, base[0].losses) or 0.0 for one in base), default=0.0)
    return replace(
        found,
        gain=math.exp(mean),
        low=math.exp(mean - half),
        high=math.exp(mean + half),
        loss_difference=difference,
        same_loss=difference is None or difference <= max(_SAME_LOSS, spread),
    )


def _half_width(values: Sequence[float]) -> float:
    """Half of the 95 % interval of a mean."""
    from scipy.stats import t

    error = statistics.stdev(values) / math.sqrt(len(values))
    return float(t.ppf(0.975, len(values) - 1)) * error


def loss_difference(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Largest relative difference of losses, step by step; None where there are none."""
    pairs = list(zip(one, other, strict=False))
    if not pairs:
        return None
    return max(abs(a - b) / max(abs(a), abs(b), 1e-12) for a, b in pairs)
