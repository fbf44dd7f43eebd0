"""What of Tune's flat results a search takes in."""

from __future__ import annotations

import time
from collections.abc import Mapping
from numbers import Real
from typing import Any

from raynas.trials import Measurement, Point, Trial
from raynas.tune.trainable import METRICS, STEP

__all__ = ["measured_so_far", "metrics_in", "point_in"]

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


def metrics_in(result: Mapping[str, Any]) -> dict[str, float]:
    """The numeric entries of a user's result, without the config and Tune's own."""
    return {
        key: float(value)
        for key, value in result.items()
        if isinstance(value, Real)
        and not isinstance(value, bool)
        and not key.startswith("config/")
        and key not in _OF_TUNE
    }
