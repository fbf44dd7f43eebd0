"""What `raynas train` shows: what is going to be trained, and what came of it."""

from __future__ import annotations

import math
from collections import Counter

from rich.table import Table
from rich.text import Text

from raynas.analysis.full_training import Correlation, Row
from raynas.cli.terminal import Terminal
from raynas.full_training import Plan
from raynas.rank_interval import FEWEST
from raynas.search import SearchRun
from raynas.trials import Stopped
from raynas.wording import counted

__all__ = ["say_full_training", "say_plan"]

_LONGEST = 300

_console = Terminal()


def say_plan(plan: Plan) -> None:
    """Say what is going to be trained, and what was left out for what."""
    listed = plan.shortlist
    times = "" if plan.seeds == 1 else f", {plan.seeds} times each"
    extra = "" if plan.baseline is None else ", beside the baseline"
    chosen = counted(len(listed.chosen), "architecture")
    _console.print(f"To train in full: {chosen}{times}{extra}.")
    fronts = sum(candidate.why == "front" for candidate in listed.chosen)
    if fronts:
        _console.print(f"On the Pareto front: {counted(fronts, 'architecture')}.")
    for candidate in listed.dropped:
        _console.print(
            f"Left out: trial {candidate.trials[0]}, a near-duplicate of trial {candidate.like}."
        )
    if listed.noise and listed.next and listed.chosen:
        last, first = listed.chosen[-1], listed.next[0]
        gap = last.score - first.score
        error = math.hypot(last.error, first.error)
        if gap < error:
            _console.print(
                f"A near tie at the cut: trials {last.trials[0]} and {first.trials[0]} are "
                f"{gap:.2g} apart, with an error of {error:.2g}; a larger --top or more --repeats "
                "settle it."
            )


def say_full_training(rows: list[Row], match: Correlation | None, run: SearchRun) -> None:
    """Show the table, how well the search predicted it, and where it is written.

    Trials have the search's numbers, see `raynas.analysis.full_training.label_of`.
    """
    history = run.history
    for reason, count in Counter(trial.reason for trial in history.unrewarded).most_common(3):
        _console.print(Text(f"Without reward, {counted(count, 'time')}: {reason}"))
    for trial in history:
        if isinstance(trial.outcome, Stopped):
            steps = trial.curve[-1].step if trial.curve else 0
            label = run.label(trial)
            text = (
                f"{label[0].upper()}{label[1:]} was stopped by {trial.outcome.by} at step {steps}."
            )
            _console.print(Text(text))
    if not rows:
        _console.print("No full training has a reward yet.")
        return
    table = Table(title="Trained in full, best first", title_style="bold")
    objective = history.objective
    for name in ("rank", "full", "seeds", "search", "vs baseline", "trial", "full training"):
        table.add_column(name, justify="right")
    table.add_column("architecture", overflow="fold")
    for rank, row in enumerate(rows, 1):
        gain = _with_error(objective.figure(row.gain), row.gain_interval, "+")
        table.add_row(
            str(rank),
            _with_error(objective.figure(row.mean), row.interval),
            str(len(row.trainings)),
            "" if row.stage1 is None else objective.show(row.stage1),
            "baseline" if row.is_baseline else gain,
            "" if row.search_trial is None else str(row.search_trial),
            ", ".join(map(str, row.trainings)),
            Text(repr(row.architecture)[:_LONGEST]),
        )
    _console.print(table)
    _console.print(f"Figures are {objective.axis}, ± half of a 95 % interval where there is one.")
    _console.print("A trial's number is that of the search; full trainings are counted apart.")
    if all(math.isnan(row.interval) for row in rows):
        _console.print(
            "Trained once each, nothing tells luck from merit: --seeds 3 trains each three times "
            "and gives intervals."
        )
    _console.print(_agreement(rows, match))
    _console.print(f"Table: {run.folder / 'full.csv'}", soft_wrap=True, markup=False)
    _console.print("Next: `raynas export` writes the best with its weights.")


def _agreement(rows: list[Row], match: Correlation | None) -> str:
    """How far the search predicted the full trainings, or why that cannot be told."""
    if match is not None:
        return (
            f"Ranks of search and full training: Kendall's tau {match.tau:.2f} (95 % interval "
            f"{match.low:.2f} to {match.high:.2f}, {match.count} architectures)."
        )
    count = sum(row.stage1 is not None for row in rows)
    words = "Whether search and full training rank alike cannot be told from"
    if count >= FEWEST:
        return f"{words} figures that are all the same."
    return (
        f"{words} {counted(count, 'architecture')} with both figures: fewer than {FEWEST} agree in "
        "all ranks too easily by chance."
    )


def _with_error(value: float, error: float, sign: str = "") -> str:
    if math.isnan(value):
        return ""
    shown = f"{value:{sign}.5g}"
    return shown if math.isnan(error) else f"{shown} ± {error:.2g}"
