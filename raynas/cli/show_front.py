"""The front between several objectives for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from raynas.report.fronts import front_trials, knee_of, progress_of, values_of
from raynas.report.units import quantity
from raynas.rewards import Objective
from raynas.trials import History

__all__ = ["front_table", "hypervolume_line"]

_MOST = 20
_LONGEST = 300


def front_table(history: History, axes: Sequence[Objective], most: int = _MOST) -> Table:
    """The points of the front in the user's units, those of the best first objective first."""
    front = front_trials(history)
    knee = knee_of(front)
    shown = "" if len(front) <= most else f", {most} of them shown"
    title = f"Front: {len(front)} of {len(history.completed)} rewarded trials{shown}"
    table = Table(title=title, title_style="bold")
    table.add_column("trial", justify="right")
    for axis in axes:
        table.add_column(axis.name, justify="right")
    table.add_column("architecture", overflow="fold")
    for trial in front[:most]:
        values = values_of(trial, axes)
        table.add_row(
            f"{trial.number}{' (knee)' if trial is knee else ''}",
            *(quantity(axis.name, value) for axis, value in zip(axes, values, strict=True)),
            Text(repr(trial.architecture)[:_LONGEST]),
        )
    return table


def hypervolume_line(history: History, axes: Sequence[Objective]) -> str:
    """Hypervolume now and over the last fifth of the search, with its reference point."""
    found = progress_of(history, axes)
    if found is None:
        return ""
    pairs = zip(axes, found.reference, strict=True)
    corner = ", ".join(f"{axis.name} {quantity(axis.name, value)}" for axis, value in pairs)
    before = found.shares[max(0, len(found.shares) * 4 // 5 - 1)]
    return (
        f"hypervolume {found.shares[-1]:.3f} of the box above {corner}; "
        f"{found.shares[-1] - before:.2g} of it came with the last fifth of the trials"
    )
