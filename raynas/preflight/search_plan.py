"""Plan a search with what is known of it: trials that ran, measured speed, the baseline."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from raynas.errors import ConfigurationError, StoreError
from raynas.preflight.baseline import read_baseline
from raynas.preflight.speed_result import read_speed
from raynas.search import Search
from raynas.search_cost import Range, SearchPlan, seconds_of_history, usual_trials
from raynas.space import Space
from raynas.tasks import LightningTask
from raynas.tasks.example_input import innermost
from raynas.trials import History
from raynas.wording import counted, duration

__all__ = ["mean_budget", "plan_search"]

_USUAL_HOURS = Range(1.0, 2.0, 4.0)
_HOUR = 3600.0  # seconds
_UNKNOWN = 0.25  # what step times of a handful of architectures leave open; chosen by hand
_USUAL_PARALLEL = 20  # a small cluster's; chosen by hand
_LONGEST = 1e12  # seconds or steps that no search has: a damaged file

_T = TypeVar("_T")


def plan_search(
    search: Search,
    name: str,
    *,
    trials: float | None = None,
    hours: float | None = None,
    parallel: int | None = None,
    price: float | None = None,
    full_hours: float | None = None,
    top: int = 10,
) -> SearchPlan:
    """Plan `search`; what is not given is taken from what is measured, or else from practice.

    Args:
        search: What is planned.
        name: Name that the search runs under.
        trials: Trials until the search converges; see `raynas.search_cost.usual_trials`.
        hours: Hours of one trial; by default those of the search's own trials so far, else what
            `raynas speed` or `raynas baseline` have measured, else two.
        parallel: Trials at a time; by default the search's, else as many as this machine has
            devices for.
        price: Price of one hour of a device; by default the search's.
        full_hours: Hours of a full training; by default what `raynas baseline` or `raynas speed`
            found.
        top: Full trainings after the search.

    Raises:
        ConfigurationError: An argument is not above 0.
    """
    for label, value in (
        ("trials", trials),
        ("hours", hours),
        ("price", price),
        ("full-hours", full_hours),
    ):
        if value is not None and not 0 < value < math.inf:
            raise ConfigurationError(f"{label}={value:g}: must be above 0 and finite")
    if parallel is not None and parallel < 1:
        raise ConfigurationError(f"parallel={parallel}: must be at least 1")
    if top < 0:
        raise ConfigurationError(f"top={top}: must not be below 0")
    folder = Path(search.folder).absolute() / name
    measured = _Measured(search, read_speed(folder), read_baseline(folder))
    full = measured.full() if full_hours is None else full_hours * _HOUR
    if hours is not None:
        seconds, origin = Range(hours * _HOUR, hours * _HOUR, hours * _HOUR), "as given"
    elif len(search.budgets) > 1:
        seconds, origin = _over_budgets(search, full, _history(search, name))
    else:
        seconds, origin = measured.trial(_history(search, name))
    at_once, why = _parallel(search, parallel)
    limit = search.limits.trials
    expected, reason = _expected(search, seconds, full, trials)
    reserved = _reserved(search)
    words = (
        f"{counted(round(expected.likely), 'trial')}, {reason}; "
        f"{duration(seconds.likely)} a trial, {origin}; {at_once} at a time, {why}"
    )
    return SearchPlan(
        trials=expected,
        seconds=seconds,
        parallel=at_once,
        gpu=reserved["gpu"],
        cpu=reserved["cpu"],
        limit=limit,
        price=search.limits.price if price is None else price,
        full_seconds=full,
        full_trainings=top,
        words=words,
    )


def _expected(
    search: Search, seconds: Range, full: float | None, given: float | None
) -> tuple[Range, str]:
    """Trials until the search converges, and where the number comes from.

    A search over budgets may train an architecture at each of them, and ends when its trials have
    cost as much as `Limits(trainings=...)` says; it may converge after a third of that.
    """
    limit, trainings = search.limits.trials, search.limits.trainings
    size = Space.of(search.space).size * len(search.budgets)
    if given is None and trainings is not None:
        share = seconds.likely / full if full is not None else mean_budget(search.budgets)
        most = max(1.0, min(limit, size, trainings / share))
        least = max(1.0, most / 3)
        return Range(least, most, most), f"the limit of {counted(trainings, 'full training')}"
    found = usual_trials(limit, size, given)
    return found, _why(found.likely, limit, size, given)


def _over_budgets(search: Search, full: float | None, history: History) -> tuple[Range, str]:
    """Seconds of a trial of a search over budgets, and where they come from."""
    found = seconds_of_history(history)
    if found is not None:
        return found, f"the mean of {counted(len(history.completed), 'trial')} of this search"
    share = mean_budget(search.budgets)
    if full is None:
        return _USUAL_HOURS.map(lambda hours: hours * _HOUR), "a usual figure, nothing is measured"
    likely = share * full
    words = f"{share:.0%} of a full training, the middle of the budgets"
    if search.limits.trainings is not None:  # what is longer leaves fewer trials
        return Range(likely, likely, likely), words
    return Range(search.budgets[0] * full, likely, full), words


def mean_budget(budgets: Sequence[float]) -> float:
    """The geometric mean of a search's budgets: short trainings are more frequent than long."""
    return statistics.geometric_mean(budgets)


def _why(likely: float, limit: int, size: float, given: float | None) -> str:
    """Source of a number of trials that no limit of trainings gives."""
    if likely >= min(limit, size):
        return "the limit" if limit <= size else "the whole space"
    return "as given" if given else "after which published searches converge"


class _Measured:
    """What `raynas speed` and `raynas baseline` have left in the search's folder."""

    def __init__(
        self, search: Search, speed: dict[str, Any] | None, baseline: dict[str, Any] | None
    ) -> None:
        self.steps = _read(_step_times, speed) or {}
        self.whole = _read(_baseline_seconds, baseline)
        self.trial_steps = _steps(search.task)
        self.full_steps = _steps(search.full) if search.full is not None else None

    def trial(self, history: History) -> tuple[Range, str]:
        """Seconds of a trial, and where they come from."""
        found = seconds_of_history(history)
        if found is not None:
            return found, f"the mean of {counted(len(history.completed), 'trial')} of this search"
        if self.steps and self.trial_steps:
            times = sorted(seconds * self.trial_steps for seconds in self.steps.values())
            likely = statistics.median(times)
            return (
                Range(min(times), likely, max(times) * (1 + _UNKNOWN)),
                f"{counted(self.trial_steps, 'step')} as `raynas speed` timed them for "
                f"{', '.join(self.steps)}, without validation and starting",
            )
        if self.whole is not None and self.trial_steps:
            seconds, steps_taken = self.whole
            likely = seconds * self.trial_steps / steps_taken
            return (
                Range(likely * (1 - _UNKNOWN), likely, likely * (1 + _UNKNOWN)),
                "its share of the baseline's full training",
            )
        return _USUAL_HOURS.map(lambda hours: hours * _HOUR), "a usual figure, nothing is measured"

    def full(self) -> float | None:
        """Seconds of a full training, where it is known."""
        if self.whole is not None:
            return self.whole[0]
        if self.steps and self.full_steps:
            return statistics.median(self.steps.values()) * self.full_steps
        return None


def _step_times(speed: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of a step of each architecture, with the waiting for its data."""
    workers = speed.get("workers", 0)
    loading = next((each for each in speed["loadings"] if each["workers"] == workers), None)
    wait = float(loading["seconds"]) if loading and not loading["error"] else 0.0
    found: dict[str, float] = {}
    for name, timing in speed["own"].items():
        step = float(timing["seconds"] or 0.0)
        load = wait * timing["batch"] / (speed.get("recommended") or timing["batch"])
        whole = step + (load if workers == 0 else max(0.0, load - step))
        if step and 0 < whole < _LONGEST:
            found[str(name)] = whole
    return found


def _baseline_seconds(baseline: Mapping[str, Any]) -> tuple[float, int] | None:
    """Seconds and steps of the baseline's full training."""
    run = baseline["runs"][0]
    if run["value"] is None:
        return None
    seconds, steps = float(run["seconds"]), int(run["steps"])
    return (seconds, steps) if 0 < seconds < _LONGEST and 0 < steps < _LONGEST else None


def _read(how: Callable[[Mapping[str, Any]], _T], data: Mapping[str, Any] | None) -> _T | None:
    """What `how` reads from a file's data; None without one, or if it has been changed."""
    with suppress(ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None if data is None else how(data)
    return None


def _steps(task: Any) -> int | None:
    inner = innermost(task)
    return inner.max_steps if isinstance(inner, LightningTask) else None


def _history(search: Search, name: str) -> History:
    """The search's trials so far; none where it has not begun, or is another one now."""
    try:
        with search.open(name, read_only=True) as run:
            return run.history
    except StoreError:
        return History()


def _reserved(search: Search) -> dict[str, float]:
    if search.resources.gpu == "auto":
        return {"gpu": 1.0, "cpu": search.resources.cpu}
    return search.resources.as_dict()


def _parallel(search: Search, given: int | None) -> tuple[int, str]:
    """Trials at a time, and where the figure comes from."""
    if given is not None:
        return given, "as given"
    if search.limits.parallel is not None:
        return search.limits.parallel, "as the search says"
    reserved = _reserved(search)
    if not reserved["gpu"]:
        fit = max(1, int((os.cpu_count() or 1) / max(reserved["cpu"], 1e-9)))
        return fit, "as many as this machine has cores for"
    import torch

    count = torch.cuda.device_count()
    if count:
        return max(1, int(count / reserved["gpu"])), "as many as this machine has GPUs for"
    return _USUAL_PARALLEL, "a usual figure"
