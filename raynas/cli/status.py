"""`raynas status`: how a search gets on, from any terminal or machine that reaches its store."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from raynas.cli.search_file import Target, opened
from raynas.cli.show_front import front_table, hypervolume_line
from raynas.cli.terminal import Terminal
from raynas.report.fronts import shown_objectives
from raynas.search import SearchRun

__all__ = ["status"]

_console = Terminal()


def status(
    file: Target,
    name: Annotated[str | None, typer.Option(help="Name that the search runs under.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder of the results.")] = None,
) -> None:
    """Say how far a search is, what is best and what runs, without touching it."""
    with opened(file, name, folder) as run:
        _say(run)


def _say(run: SearchRun) -> None:
    history = run.history
    kinds = Counter(type(trial.outcome).__name__.lower() for trial in history.ended)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none ended"
    _console.print(
        f"[bold]{escape(run.name)}[/]: {len(history.ended)} of at most "
        f"{run.search.limits.trials} trials ended ({counts}), {len(history.running)} in flight"
    )
    axes = run.reward.axes
    for best in history.best(1):
        if len(axes) > 1:
            _console.print(front_table(history, axes))
            _console.print(hypervolume_line(history, axes))
            continue
        shown = shown_objectives(best.objectives or (), axes)
        _console.print(f"best {shown} in trial {best.number}: {escape(repr(best.architecture))}")
    for state in run.states():
        _console.print(f"rule: {escape(state)}")
    if history.running:
        _console.print(_running(run))
    stop = run.stop()
    if stop is not None:
        _console.print(f"Ended by the rule “{escape(stop.rule)}”: {escape(stop.reason)}.")


def _running(run: SearchRun) -> Table:
    table = Table(title="In flight", title_style="bold")
    for column in ("trial", "minutes", "step", "reward there"):
        table.add_column(column, justify="right")
    points = run.points()
    for trial in run.history.running:
        seen = points[trial.number] if trial.number < len(points) else {}
        step = max(seen, default=None)
        table.add_row(
            str(trial.number),
            f"{(time.time() - trial.started) / 60:.1f}",
            "" if step is None else str(step),
            "" if step is None else f"{seen[step]:.5g}",
        )
    return table
