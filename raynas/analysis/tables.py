"""The history as tables."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import pandas as pd

from raynas.rewards import Objective
from raynas.space import Space
from raynas.trials import Failed, History, Measurement, Trial

__all__ = ["as_csv", "best_table", "early_ends", "objective_columns", "trials_frame"]

_FORMULA = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def trials_frame(
    history: History, space: Space[Any], axes: Sequence[Objective] = ()
) -> pd.DataFrame:
    """One row a trial in ask order.

    Columns: ``number``, ``outcome`` (its kind in lower case, or ``running``), ``reward``, with
    several `axes` one ``objective: …`` for each, in the user's direction,
    ``reason`` (why there is no reward), ``error`` (a failed trial's traceback), ``started`` and
    ``ended`` (UTC), ``seconds``, ``steps``, ``ended_early`` (what ended the training before its
    last step), a column ``metric: …`` for each metric, and one ``choice: …`` for each of the
    space's, empty where it is inactive.
    """
    return pd.DataFrame([_row(trial, space, axes) for trial in history])


def objective_columns(
    scores: Sequence[float] | None, axes: Sequence[Objective]
) -> dict[str, float | None]:
    """A column for each of several objectives, in the user's direction; none for a single one."""
    if len(axes) < 2:
        return {}
    values: Sequence[float | None] = scores or [None] * len(axes)
    return {
        f"objective: {axis.name}": None if score is None else axis.value(score)
        for axis, score in zip(axes, values, strict=True)
    }


def best_table(history: History, count: int = 10) -> pd.DataFrame:
    """The `count` best trials: ``rank``, ``trial``, ``reward``, ``architecture``."""
    return pd.DataFrame(
        [
            {
                "rank": rank,
                "trial": trial.number,
                "reward": trial.reward,
                "architecture": repr(trial.architecture),
            }
            for rank, trial in enumerate(history.best(count), 1)
        ],
        columns=["rank", "trial", "reward", "architecture"],
    )


def early_ends(history: History) -> str:
    """How many trainings ended before their last step, with an example; empty where none did."""
    ended = [trial for trial in history if trial.ended_early]
    if not ended:
        return ""
    number = "1 trial" if len(ended) == 1 else f"{len(ended)} trials"
    last = ended[-1]
    return (
        f"{number} of {len(history.ended)} trained for less than the full budget; in trial "
        f"{last.number}, {last.ended_early}"
    )


def as_csv(frame: pd.DataFrame) -> str:
    """`frame` as CSV that a spreadsheet opens as text and numbers.

    A text that it would take for a formula, such as ``=1+1``, has an apostrophe before it.
    """
    safe = frame.rename(columns=_text)
    return str(safe.apply(lambda column: column.map(_text)).to_csv(index=False))


def _text(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    text = cell.replace("\r\n", "\n").replace("\r", "\n")  # a lone \r would end the row, unquoted
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(trial: Trial, space: Space[Any], axes: Sequence[Objective]) -> dict[str, Any]:
    outcome = trial.outcome
    measurement: Measurement | None = getattr(outcome, "measurement", None)
    return {
        "number": trial.number,
        "outcome": "running" if outcome is None else type(outcome).__name__.lower(),
        "reward": trial.reward,
        **objective_columns(trial.objectives, axes),
        "reason": trial.reason,
        "error": outcome.error if isinstance(outcome, Failed) else None,
        "started": _time(trial.started),
        "ended": _time(trial.ended),
        "seconds": measurement.seconds if measurement else None,
        "steps": measurement.steps if measurement else None,
        "ended_early": trial.ended_early or None,
        **{f"metric: {k}": v for k, v in (measurement.metrics if measurement else {}).items()},
        **{f"choice: {path}": v for path, v in space.to_config(trial.architecture).items()},
    }


def _time(seconds: float | None) -> datetime.datetime | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC)
