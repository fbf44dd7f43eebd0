"""`raynas watch`: a running search in the terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from raynas.analysis.fronts import front_line, values_of
from raynas.analysis.search_view import SearchView
from raynas.analysis.units import quantity
from raynas.cli.following import followed
from raynas.cli.search_file import Looked, ResultsFolder, SearchName
from raynas.cli.show_front import hypervolume_line
from raynas.cli.terminal import Terminal
from raynas.objective import Objective
from raynas.report.cost import spent
from raynas.report.failures import causes
from raynas.report.markup import number
from raynas.report.stop_rules import name_of
from raynas.report.terminal_curve import plain_curve
from raynas.stopping import warnings_of
from raynas.trials import Trial
from raynas.wording import counted, duration, next_steps, sentence

__all__ = ["watch"]

_MOST_LISTED = 5  # rows, so that all fits 80 x 24
_LEAST_ROWS = 4  # fewer show no shape of a curve
_CAUSES = 3  # rows, so that all fits 80 x 24
_LEAST_SECONDS = 0.1  # faster, a terminal only flickers


def watch(
    file: Looked,
    every: Annotated[float, typer.Option(help="Look again after this many seconds.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Show the search once and exit.")] = False,
    name: SearchName = None,
    folder: ResultsFolder = None,
) -> None:
    """Watch a search in the terminal while it runs, in any process. Ctrl-C stops watching.

    It only reads, and only what is new, so it neither slows nor disturbs the search.
    """
    console = Terminal()
    with followed(file, name, folder) as (_, look):
        if once:
            console.print(screen(look(), console.width, console.height))
            return
        with Live(console=console, screen=True, auto_refresh=False) as live:
            try:
                while True:
                    live.update(screen(look(), console.width, console.height), refresh=True)
                    time.sleep(max(every, _LEAST_SECONDS))
            except KeyboardInterrupt:
                return


def screen(view: SearchView, width: int, height: int) -> Group:
    """All that the terminal shows, for one of `width` columns and `height` lines.

    What went wrong is always in view; the lists, the rules and the curve take what is left.
    """
    notices, front, failures = _notices(view), _front(view), _failures(view)
    left = height - 2 - len(notices) - len(front) - len(failures)  # the cursor's line stays free
    listed = min(_MOST_LISTED, max(2, (left - 10) // 4))
    rows = left - 2 * (listed + 1)
    rules = _rules(view, max(1, min(len(view.rules), rows - _LEAST_ROWS)))
    return Group(
        _head(view),
        *notices,
        *_curve(view, width, max(_LEAST_ROWS, min(12, rows - len(rules)))),
        *rules,
        *front,
        _trials("best", view.history.best(listed), view.objectives),
        _trials("latest", _latest(view, listed), view.objectives),
        *failures,
    )


def _rules(view: SearchView, count: int) -> list[Text]:
    """The `count` rules that are nearest to a stop, in the order that they have."""
    history, now = view.history, view.time_reached
    progress = [rule.progress(history, now) for rule in view.rules]
    nearest = sorted(range(len(view.rules)), key=lambda index: -progress[index])[:count]
    names = [name_of(rule) for rule in view.rules]
    width = max(map(len, names), default=0)
    return [
        _line(f"{names[index]:<{width}}  {view.rules[index].state(history, now)}")
        for index in sorted(nearest)
    ]


def _head(view: SearchView) -> Text:
    history = view.history
    trials = counted(view.limit or len(history.ended), "trial")
    ended = f"{len(history.ended):,} of {trials}" if view.limit else trials
    text = Text(view.name, style="bold", overflow="ellipsis", no_wrap=True)
    text.append(
        f"  {ended} in {duration(spent(history, {}, view.time_reached).active)}, "
        f"{len(history.running)} {'in flight' if view.abandoned else 'running'}, "
        f"{len(history.unrewarded)} without reward",
        style="not bold",
    )
    return text


def _curve(view: SearchView, width: int, height: int) -> list[Text]:
    history = view.history
    rows, low, high = plain_curve(
        [trial.number for trial in history.completed], history.rewards, width - 12, height
    )
    objective = history.objective
    ends = {0: high, len(rows) - 1: low} if history.rewards else {}
    labels = {place: number(objective.figure(end)) for place, end in ends.items()}
    shown = []
    for place, row in enumerate(rows):
        line = Text(f"{labels.get(place, ''):>10} ", style="dim", no_wrap=True)
        for cell in row:
            line.append(cell.character, style="bold green" if cell.best else "blue")
        shown.append(line)
    return shown


def _notices(view: SearchView) -> list[Text]:
    """What the user has to know first: why the search ended or does not go on, and warnings."""
    found = [_line(notice, "bold yellow") for notice in view.notices]
    if stop := view.stop:
        ended = f"Ended by the rule “{stop.rule}”: {sentence(stop.reason)}"
        advice = next_steps(stop.advice, view.target)
        return [*found, _line(ended, "yellow"), _line(advice, "yellow")]
    warnings = warnings_of(view.rules, view.history, view.time_reached)
    return found + [_line(f"Warning: {sentence(one.reason)}", "yellow") for one in warnings]


def _latest(view: SearchView, count: int) -> list[Trial]:
    ended = sorted(view.history.ended, key=lambda trial: trial.ended or 0.0)
    return ended[-count:][::-1]


def _front(view: SearchView) -> list[Text]:
    lines = front_line(view.history), hypervolume_line(view.history)
    return [_line(line) for line in lines if line]


def _trials(title: str, trials: Sequence[Trial], objectives: Sequence[Objective]) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    for _ in range(1 + len(objectives)):
        table.add_column(justify="right", no_wrap=True, min_width=6)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    names = [title, *(objective.name for objective in objectives), "architecture"]
    table.add_row(*(Text(name, "bold") for name in names))
    for trial in trials:
        if trial.reward is None:
            said = f"{type(trial.outcome).__name__.lower()}: {trial.reason}"
            empty = [""] * len(objectives)
            table.add_row(str(trial.number), *empty, _line(said, "red"))
        else:
            figures = values_of(trial, objectives)
            shown = [quantity(o.name, f) for o, f in zip(objectives, figures, strict=True)]
            if len(objectives) == 1:
                shown = [number(figures[0])]
            table.add_row(str(trial.number), *shown, _line(repr(trial.architecture)))
    return table


def _failures(view: SearchView) -> list[Text]:
    return [
        _line(f"{len(cause.trials)} {cause.kind}: {cause.reason}", "red")
        for cause in causes(view.history)[:_CAUSES]
    ]


def _line(text: str, style: str = "") -> Text:
    """`text` on one line: what users typed may hold line ends and control characters."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text)
    return Text(clean, style, no_wrap=True, overflow="ellipsis")
