"""One trial: how it ended, what it measured, its architecture, curves, error and log."""

from __future__ import annotations

import json
from pathlib import Path

from raynas.analysis.search_view import SearchView
from raynas.report.best import drawn_nodes
from raynas.report.figure_style import Drawing
from raynas.report.learning import trial_curves
from raynas.report.markup import Node, number, table, tag
from raynas.trials import Failed, Trial
from raynas.wording import duration, moment

__all__ = ["log_of", "trial_blocks"]

_LOGS = "logs"
_LONGEST_LOG = 100_000  # characters of a page that a browser shows at once


def trial_blocks(view: SearchView, trial: Trial) -> list[Node | Drawing]:
    """All that is known about `trial`."""
    nodes, drawings = drawn_nodes(trial)
    blocks: list[Node | Drawing] = [table(("what", ""), _facts(view, trial)), *nodes, *drawings]
    measurement = getattr(trial.outcome, "measurement", None)
    if measurement and measurement.metrics:
        rows = [[name, number(value)] for name, value in measurement.metrics.items()]
        blocks += [tag("h3", "Measured"), table(("metric", "value"), rows, numeric=(1,))]
    if curves := trial_curves(trial):
        blocks += [tag("h3", "Learning curves"), *curves]
    if isinstance(trial.outcome, Failed):
        blocks += [tag("h3", "Error"), tag("pre", trial.outcome.error)]
    if log := log_of(view.folder, trial.number):
        blocks += [tag("h3", "Log"), tag("pre", log)]
    shown = json.dumps(json.loads(view.space.to_json(trial.architecture)), indent=2)
    return [*blocks, tag("details", tag("summary", "Architecture as JSON"), tag("pre", shown))]


def log_of(folder: Path | None, number: int) -> str:
    """The end of what the trial printed, where its log was kept; empty otherwise."""
    if folder is None:
        return ""
    try:
        text = (folder / _LOGS / f"{number}.log").read_text("utf-8", errors="replace")
    except OSError:
        return ""
    return text[-_LONGEST_LOG:]


def _facts(view: SearchView, trial: Trial) -> list[list[Node]]:
    until = view.time_reached if trial.ended is None else trial.ended
    outcome = "running" if trial.outcome is None else type(trial.outcome).__name__.lower()
    rows: list[list[Node]] = [["outcome", outcome]]
    if trial.reason:
        rows.append(["reason", trial.reason])
    rows += [
        [objective.name, number(objective.figure(value))]
        for objective, value in zip(view.objectives, trial.objectives or (), strict=False)
    ]
    return [
        *rows,
        ["started", moment(trial.started)],
        ["took", duration(max(0.0, until - trial.started))],
        ["architecture", tag("code", repr(trial.architecture), class_="architecture")],
    ]
