"""The history as tables."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from raynas.objective import Objective
from raynas.space import Space
from raynas.trials import Failed, History, Measurement, Trial
from raynas.wording import counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_csv", "best_table", "early_ends", "objective_columns", "trials_frame"]

_FORMULA = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def trials_frame(history: History, space: Space[Any]) -> pd.DataFrame:
    """One row a trial in ask order.

    Columns: ``number``, ``outcome`` (its kind in lower case, or ``running``), ``reward`` (where a
    metric is minimized, its own values, under ``NAME (lower is better)``), with several objectives
    one ``objective: …`` for each, ``reason`` (why there is no reward), ``error`` (a failed trial's
    traceback), ``started`` and ``ended`` (UTC), ``seconds``, ``steps``, ``ended_early`` (what ended
    the training before its last step), a column ``metric: …`` for each metric, and one
    ``choice: …`` for each of the space's, empty where it is inactive. A search over several budgets
    has a column ``budget``: the length of the training, as a share of a full one.
    """
    import pandas as pd

    frame = pd.DataFrame([_row(trial, space, history.shown_as) for trial in history])
    if any(trial.budget != 1 for trial in history):
        frame.insert(1, "budget", [trial.budget for trial in history])
    return frame


def objective_columns(
    scores: Sequence[float] | None, objectives: Sequence[Objective]
) -> dict[str, float | None]:
    """A column for each of several objectives, as people read it; none for a single one."""
    if len(objectives) < 2:
        return {}
    values: Sequence[float | None] = scores or [None] * len(objectives)
    return {
        f"objective: {objective.name}": None if score is None else objective.figure(score)
        for objective, score in zip(objectives, values, strict=True)
    }


def best_table(history: History, count: int = 10) -> pd.DataFrame:
    """The `count` best trials: ``rank``, ``trial``, the objective's figure, ``architecture``.

    Of several budgets, with a column ``budget``; those of a higher one come first.
    """
    import pandas as pd

    objective, several = history.objective, history.comparable is not history
    budget = ["budget"] if several else []
    return pd.DataFrame(
        [
            {
                "rank": rank,
                "trial": trial.number,
                **({"budget": trial.budget} if several else {}),
                objective.name: objective.figure(trial.reward or 0.0),
                "architecture": repr(trial.architecture),
            }
            for rank, trial in enumerate(history.best(count), 1)
        ],
        columns=["rank", "trial", *budget, objective.name, "architecture"],
    )


def early_ends(history: History) -> str:
    """How many trainings ended before their last step, with an example; empty where none did."""
    ended = [trial for trial in history if trial.ended_early]
    if not ended:
        return ""
    last = ended[-1]
    return (
        f"{len(ended):,} of {counted(len(history.ended), 'trial')} trained for less than the full "
        f"budget; in trial {last.number}, {last.ended_early}"
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


def _row(trial: Trial, space: Space[Any], objectives: Sequence[Objective]) -> dict[str, Any]:
    objective = objectives[0]
    outcome = trial.outcome
    measurement: Measurement | None = getattr(outcome, "measurement", None)
    return {
        "number": trial.number,
        "outcome": "running" if outcome is None else type(outcome).__name__.lower(),
        objective.column: None if trial.reward is None else objective.figure(trial.reward),
        **objective_columns(trial.objectives, objectives),
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
