"""The front between several objectives for a terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from raynas.analysis.fronts import front_trials, knee_of, progress_of, values_of
from raynas.analysis.units import quantity
from raynas.stopping.search_curve import LEAST_FOR_TREND
from raynas.trials import History
from raynas.wording import counted

__all__ = ["front_table", "hypervolume_line"]

_MOST = 20  # rows, a screen
_LONGEST = 300  # characters: four lines of a terminal


def front_table(history: History, most: int = _MOST) -> Table:
    """The points of the front in the user's units, those of the best first objective first."""
    objectives, front = history.shown_as, front_trials(history)
    knee = knee_of(front)
    shown = "" if len(front) <= most else f", {most} of them shown"
    title = f"Front: {len(front)} of {counted(len(history.completed), 'completed trial')}{shown}"
    table = Table(title=title, title_style="bold")
    table.add_column("trial", justify="right")
    for objective in objectives:
        table.add_column(objective.name, justify="right")
    table.add_column("architecture", overflow="fold")
    for trial in front[:most]:
        values = values_of(trial, objectives)
        table.add_row(
            f"{trial.number}{' (knee)' if trial is knee else ''}",
            *(
                quantity(objective.name, value)
                for objective, value in zip(objectives, values, strict=True)
            ),
            Text(repr(trial.architecture)[:_LONGEST]),
        )
    return table


def hypervolume_line(history: History) -> str:
    """Hypervolume now and over the last fifth of the search, with its reference point."""
    found = progress_of(history)
    if found is None:
        return ""
    pairs = zip(history.shown_as, found.reference, strict=True)
    corner = ", ".join(f"{axis.name} {quantity(axis.name, value)}" for axis, value in pairs)
    shown = f"hypervolume {found.shares[-1]:.3f} of the box from {corner} to the best of each"
    if found.trials[-1] < LEAST_FOR_TREND:
        return shown
    before = found.shares[max(0, len(found.shares) * 4 // 5 - 1)]
    gained = found.shares[-1] - before
    return f"{shown}; {gained:.2g} of it came with the last fifth of the trials"
