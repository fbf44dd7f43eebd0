"""How much one trial can say: what is longer is cut where everyone sees it, and says what is cut.

A trial's words are kept for good, in the store and in the memory of the driver. So a text of many
megabytes, as an error may carry, a thousand metrics or a learning curve of every single step would
drown a search of thousands of trials. Secrets of the environment are hidden in what is kept, as are
those that a text names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TypeVar

from raynas.redaction import hidden_values, scrubbed, secret_values
from raynas.trials import (
    MOST_POINTS,
    Completed,
    Failed,
    Infeasible,
    Measurement,
    Outcome,
    Point,
    Stopped,
    thinned,
)

__all__ = [
    "MOST_METRICS",
    "MOST_TEXT",
    "bounded_measurement",
    "bounded_metrics",
    "bounded_outcome",
    "bounded_text",
]

T = TypeVar("T")

MOST_TEXT = 20_000
"""Characters of a text, such as a traceback."""
MOST_METRICS = 1000
"""Metrics of one measurement, or at one step."""
_LONGEST_NAME = 200  # characters of a metric
_BEGINNING = 4000  # characters: the first lines say what ran, the end how it broke


def bounded_text(text: str, where: str = "was not kept") -> str:
    """`text`, without its middle where it is too long.

    Args:
        text: A text of any length.
        where: Place of the whole text, as the end of a sentence about it.
    """
    if len(text) <= MOST_TEXT:
        return text
    note = "\n[… {:,} characters are left out here; the whole text {} …]\n"
    end = MOST_TEXT - _BEGINNING - len(note.format(len(text), where))
    left_out = len(text) - _BEGINNING - end
    return text[:_BEGINNING] + note.format(left_out, where) + text[-end:]


def bounded_metrics(
    metrics: Mapping[str, T], most: int = MOST_METRICS, bounded: Collection[str] = ()
) -> dict[str, T]:
    """The first `most` metrics, under names that are not too long and hold no secret.

    Args:
        metrics: Values by name.
        most: How many are kept.
        bounded: Names that came out of here before and need not be looked at again.
    """
    if len(metrics) <= most and metrics.keys() == set(bounded):
        return dict(metrics)
    names, secrets = list(metrics)[:most], secret_values(words=False)
    return {_bounded_name(hidden_values(name, secrets)): metrics[name] for name in names}


def bounded_measurement(measurement: Measurement) -> Measurement:
    """`measurement` without the metrics and points that are too many."""
    short = len(measurement.metrics) <= MOST_METRICS and len(measurement.curve) <= MOST_POINTS
    secrets = secret_values(words=False)
    if (
        short
        and _may_stay(measurement, secrets)
        and all(_may_stay(p, secrets) for p in measurement.curve)
    ):
        return measurement
    curve = thinned(measurement.curve)
    return replace(
        measurement,
        metrics=bounded_metrics(measurement.metrics),
        curve=tuple(Point(point.step, bounded_metrics(point.metrics)) for point in curve),
    )


def bounded_outcome(outcome: Outcome) -> Outcome:
    """`outcome` in no more words than a store should keep, and without secrets in them."""
    match outcome:
        case Completed(measurement=measurement):
            return replace(outcome, measurement=bounded_measurement(measurement))
        case Failed(error=error):
            return Failed(bounded_text(scrubbed(error, secret_values())))
        case Infeasible(reason=reason, measurement=measurement):
            words = bounded_text(scrubbed(reason, secret_values()))
            return Infeasible(words, _bounded(measurement), outcome.kind)
        case Stopped(by=by, measurement=measurement):
            return Stopped(bounded_text(by), _bounded(measurement))


def _bounded(measurement: Measurement | None) -> Measurement | None:
    return None if measurement is None else bounded_measurement(measurement)


def _may_stay(measured: Measurement | Point, secrets: Collection[str]) -> bool:
    """Whether the metrics are few, their names short, and no secret is in one."""
    names: Sequence[str] = tuple(measured.metrics)
    return len(names) <= MOST_METRICS and all(
        len(name) <= _LONGEST_NAME and hidden_values(name, secrets) == name for name in names
    )


def _bounded_name(name: str) -> str:
    if len(name) <= _LONGEST_NAME:
        return name
    mark = sha256(name.encode(errors="replace")).hexdigest()[:8]
    return f"{name[: _LONGEST_NAME - 9]}…{mark}"
