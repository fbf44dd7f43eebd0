"""What of Tune's flat results a search takes in."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from raynas.trials import Measurement, Point, Trial
from raynas.tune.trainable import METRICS, STEP

__all__ = ["measured_so_far", "metrics_in", "point_in", "unmeasured"]

_BY_TUNE = ("time_this_iter_s", "time_total_s", "training_iteration")
_OF_TUNE = ("timestamp", "pid", "iterations_since_restore", "time_since_restore")


def point_in(result: Mapping[str, Any]) -> Point:
    """The point of a learning curve that a trial of `raynas.Search` reports."""
    prefix = f"{METRICS}/"
    metrics = {k.removeprefix(prefix): v for k, v in result.items() if k.startswith(prefix)}
    return Point(result[STEP], metrics)


def measured_so_far(trial: Trial) -> Measurement:
    """What a trial has measured that is ended early now, and has reported at least once."""
    last = trial.points[-1]
    return Measurement(last.metrics, max(0.0, time.time() - trial.started), last.step, trial.points)


def metrics_in(result: Mapping[str, Any], objectives: Collection[str] = ()) -> dict[str, float]:
    """The numeric entries of a user's result, without the config and Tune's own.

    Args:
        result: Last result of the trial, flat.
        objectives: Metrics that are searched for, which may also be true or false.
    """
    return {
        key: float(value)
        for key, value in result.items()
        if isinstance(key, str)
        and not key.startswith("config/")
        and key not in _OF_TUNE
        and (_is_number(value) or (key in objectives and isinstance(value, bool | np.bool_)))
    }


def unmeasured(result: Mapping[str, Any], objectives: Collection[str]) -> str | None:
    """What a user's last result has instead of its `objectives`, in words; None if it has all."""
    measured = metrics_in(result, objectives)
    missing = next((name for name in objectives if name not in measured), None)
    if missing is None:
        return None
    if None in result:
        return (
            f"Repeater does not know that the metric is {missing!r}: give metric and mode to "
            "NASSearcher, and put ConcurrencyLimiter around Repeater, not inside of it"
        )
    if missing in result:
        value = result[missing]
        return f"{missing}={value!r} is of type {type(value).__name__}: report a number"
    reported = ", ".join(sorted(name for name in measured if name not in _BY_TUNE)) or "no number"
    return f"the last result has no {missing!r}, only {reported}: report it, or name another metric"


def _is_number(value: object) -> bool:
    """Whether `value` is a number, or an array that is one."""
    if isinstance(value, np.ndarray):
        return value.ndim == 0 and value.dtype.kind in "iuf"
    return isinstance(value, Real | Decimal) and not isinstance(value, bool)
