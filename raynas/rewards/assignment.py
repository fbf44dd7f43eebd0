"""Reward assignment: the outcome of a trial, from what was reported about it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from raynas.arguments import is_number, shown
from raynas.errors import ConfigurationError
from raynas.rewards.base import Reward, judge
from raynas.trials import (
    BOUND,
    Completed,
    Failed,
    History,
    Infeasible,
    Measurement,
    Outcome,
    Stopped,
    Trial,
)
from raynas.wording import counted

__all__ = ["outcome_of", "rejudged"]


def outcome_of(
    result: float | tuple[float, ...] | Measurement | Outcome | Any, reward: Reward
) -> Outcome:
    """The outcome that `result` means, where `reward` is maximized.

    Args:
        result: A measurement, an outcome, or a number for each objective, larger being better.
        reward: Turns measurements into rewards, and names the objectives.

    Raises:
        ConfigurationError: `result` is none of these.
    """
    if isinstance(result, Measurement):
        return judge(reward, result)
    if isinstance(result, Infeasible | Failed | Stopped):
        return result
    values, measurement = result, None
    if isinstance(result, Completed):
        values, measurement = result.objectives, result.measurement
    values = values if isinstance(values, tuple) else (values,)
    known = reward.shown_as
    if len(values) != len(known) or not all(map(is_number, values)):
        wanted = "a number" if len(known) == 1 else f"a tuple of {counted(len(known), 'number')}"
        raise ConfigurationError(
            f"tell(result={shown(result)}): give {wanted}, a Measurement or an outcome"
        )
    objectives = tuple(map(_as_float, values))
    alone = len(known) == 1 and known[0].mode == "max"
    names = ["reward"] if alone else [objective.name for objective in known]
    figures = [o.figure(value) for o, value in zip(known, objectives, strict=True)]
    metrics = dict(zip(names, figures, strict=True))
    for name, figure in metrics.items():
        if not math.isfinite(figure):
            return Infeasible(f"{name} is {figure}", measurement or Measurement(metrics))
    return Completed(measurement or Measurement(metrics), objectives[0], objectives)


def _as_float(value: Any) -> float:
    """A number as a float, infinite where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def rejudged(history: History, reward: Reward, count: int) -> History:
    """`history` in terms of `reward`, which anew rates the measurements of the first `count`."""
    again = [_rejudged(trial, reward) for trial in history[:count]]
    return History((*again, *history[count:]), reward.shown_as)


def _rejudged(trial: Trial, reward: Reward) -> Trial:
    match trial.outcome:
        case Completed(measurement=measurement) | Infeasible(measurement=measurement):
            if measurement is None:
                return trial
            judged = judge(reward, measurement)
            kept_out = getattr(trial.outcome, "kind", "") == BOUND
            if kept_out and isinstance(judged, Infeasible) and judged.kind != BOUND:
                return trial  # untrained for a bound of the task, which still holds
            return replace(trial, outcome=judged)
    return trial
