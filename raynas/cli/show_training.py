"""What `raynas train` shows: what is going to be trained, and the results."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from raynas.analysis.full_training import Correlation, MeasuredAgain, Row
from raynas.analysis.units import quantity
from raynas.cli.terminal import Terminal
from raynas.full_training import Plan
from raynas.objective import Objective
from raynas.rank_interval import FEWEST
from raynas.search import SearchRun
from raynas.shortlist import planned
from raynas.trials import History, Stopped
from raynas.wording import counted, next_steps

__all__ = ["say_full_training", "say_plan", "say_skipped"]

_LONGEST = 300  # characters: four lines of a terminal
_SPREAD = (
    ", ± half of a 95 % interval, for which all are taken to vary as those do that were trained "
    "more than once"
)

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


def say_skipped(plan: Plan, full: History) -> None:
    """Say what was not trained, as other full trainings made it improbable to be the best."""
    skipped = planned(plan.architectures, plan.seeds, full)
    if skipped:
        _console.print(
            f"Not trained: {counted(len(skipped), 'architecture')}, by now the best with a "
            f"probability of less than a tenth; --top {len(plan.shortlist.chosen)} trains "
            f"{'it' if len(skipped) == 1 else 'them'} as well."
        )


def say_full_training(
    rows: list[Row],
    match: Correlation | None,
    run: SearchRun,
    target: str,
    again: Sequence[MeasuredAgain] = (),
) -> None:
    """Show the table, how well the search predicted it, where it is written and what to type next.

    Trials have the search's numbers, see `raynas.analysis.full_training.label_of`.

    Args:
        rows: The architectures that were trained, best first.
        match: How well the search predicted their order; None where that is not known.
        run: The trainings.
        target: What to type for the search in commands.
        again: How much measured costs differ from the search's.
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
    _console.print(_table(rows, history.shown_as), crop=False)
    for rank, row in enumerate(rows, 1):
        _console.print(Text(f"{rank}: {repr(row.architecture)[:_LONGEST]}"), soft_wrap=True)
    _say_front(rows, history.shown_as)
    shown = history.objective.axis
    alone = all(math.isnan(row.interval) for row in rows)
    spread = "" if alone else _SPREAD
    _console.print(f"Figures are {shown}{spread}.")
    _console.print("A trial's number is that of the search; full trainings are counted apart.")
    if alone:
        _console.print(
            "Trained once each, nothing tells luck from merit: --seeds 3 trains each three times "
            "and gives intervals."
        )
    if rows[0].probability is not None:
        _console.print(
            "The order is by what is expected of another full training, from all trainings of the "
            "search and these; P(best) is the probability of being the best."
        )
    _console.print(_agreement(rows, match))
    for cost in again:
        _console.print(str(cost))
    _console.print(f"Table: {run.folder / 'full.csv'}", soft_wrap=True, markup=False)
    which = "the best with its weights."
    if len(history.shown_as) > 1:
        which = (
            "the first with its weights; --trial N, --knee or --at-most METRIC=LIMIT write others, "
            "several at once."
        )
    _console.print(Text(next_steps(f"`raynas export FILE` writes {which}", target)))


def _agreement(rows: list[Row], match: Correlation | None) -> str:
    """How far the search predicted the full trainings, or why that is unknown."""
    if match is not None:
        return (
            f"Ranks of search and full training: Kendall's tau {match.tau:.2f} (95 % interval "
            f"{match.low:.2f} to {match.high:.2f}, {counted(match.count, 'architecture')})."
        )
    count = sum(row.stage1 is not None for row in rows)
    words = "Whether search and full training rank alike cannot be distinguished from"
    if count >= FEWEST:
        return f"{words} figures that are all the same."
    return (
        f"{words} {counted(count, 'architecture')} with both figures: it takes {FEWEST}, as fewer "
        "agree in all ranks too easily by chance."
    )


def _table(rows: list[Row], objectives: Sequence[Objective]) -> Table:
    """The trainings; each cost beside the first objective, and its ratio to the baseline's.

    No figure is cut, however narrow the terminal is.
    """
    columns = _columns(rows, objectives)
    title = "Trained in full, best first"
    if len(objectives) > 1:
        title = "Trained in full, the front first"
    table = Table(title=title, title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for name, cells in columns.items():
        width = max(map(len, (*cells, *name.split())))
        table.add_column(name, justify="right", min_width=width, overflow="fold")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*row)
    return table


def _columns(rows: list[Row], objectives: Sequence[Objective]) -> dict[str, list[str]]:
    """The cells of each column, by its name."""
    first, *costs = objectives
    baseline = next((row for row in rows if row.is_baseline), None)
    gains = (_with_error(first.figure(row.gain), row.gain_interval, "+") for row in rows)
    columns = {
        "rank": [
            str(rank) if row.dominated_by is None else f"({rank})"
            for rank, row in enumerate(rows, 1)
        ],
        first.name if costs else "full": [
            _with_error(first.figure(row.mean), row.interval) for row in rows
        ],
        "P(best)": [_probability(row) for row in rows],
        "seeds": [str(len(row.trainings)) for row in rows],
        "search": ["" if row.stage1 is None else first.show(row.stage1) for row in rows],
        "vs baseline": [
            "baseline" if row.is_baseline else gain for row, gain in zip(rows, gains, strict=True)
        ],
        **{
            cost.name: [_cost(row, baseline, place, cost) for row in rows]
            for place, cost in enumerate(costs, 1)
        },
        "trial": ["" if row.search_trial is None else str(row.search_trial) for row in rows],
        "full training": [", ".join(map(str, row.trainings)) for row in rows],
    }
    if all(len(row.trainings) == 1 for row in rows):
        del columns["seeds"]
    if all(row.probability is None for row in rows):
        del columns["P(best)"]
    return columns


def _probability(row: Row) -> str:
    return "" if row.probability is None else f"{row.probability:.0%}"


def _cost(row: Row, baseline: Row | None, place: int, cost: Objective) -> str:
    """A further objective with its unit, and how many times the baseline's it is."""
    value = cost.figure(row.objectives[place])
    shown = quantity(cost.name, value)
    if baseline is None or row.is_baseline:
        return shown
    against = cost.figure(baseline.objectives[place])
    return f"{shown} ({value / against:.2f}x)" if value > 0 and against > 0 else shown


def _say_front(rows: list[Row], objectives: Sequence[Objective]) -> None:
    """Say what is dominated and by what, and what the baseline costs."""
    if len(objectives) < 2:
        return
    dominated = [
        f"{rank} by {row.dominated_by}"
        for rank, row in enumerate(rows, 1)
        if row.dominated_by is not None
    ]
    front = f"{len(rows) - len(dominated)} of {len(rows)} are on the front"
    if dominated:
        front += (
            ". Ranks in brackets are dominated, as another one is as good in every objective and "
            f"better in one: {', '.join(dominated)}"
        )
    _console.print(f"{front}.")
    if any(row.is_baseline for row in rows):
        _console.print("In brackets behind a cost: how many times the baseline's it is.")


def _with_error(value: float, error: float, sign: str = "") -> str:
    if math.isnan(value):
        return ""
    shown = f"{value:{sign}.5g}"
    return shown if math.isnan(error) else f"{shown} ± {error:.2g}"
