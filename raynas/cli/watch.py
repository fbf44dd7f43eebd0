"""`raynas watch`: a running search in the terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from raynas.analysis.search_view import SearchView
from raynas.cli.search_file import Target, opened
from raynas.cli.terminal import Terminal
from raynas.objective import Objective
from raynas.report.cost import duration, spent
from raynas.report.failures import causes
from raynas.report.markup import number
from raynas.report.stop_rules import name_of
from raynas.report.terminal_curve import plain_curve
from raynas.stopping import first_stop, warnings_of
from raynas.trials import Trial
from raynas.wording import counted, sentence

__all__ = ["watch"]

_BEST = 5
_LATEST = 5
_CAUSES = 3
_LEAST_SECONDS = 0.1


def watch(
    file: Target,
    every: Annotated[float, typer.Option(help="Seconds between two looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Show it once and end.")] = False,
    name: Annotated[str | None, typer.Option(help="Name that the search ran under.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder of the results.")] = None,
) -> None:
    """Watch a search in the terminal while it runs, in this or another process. Ctrl-C ends that.

    It only reads, and only what is new, so it neither slows nor disturbs the search.
    """
    console = Terminal()
    with opened(file, name, folder) as run:
        if once:
            console.print(screen(run.view(), console.width, console.height))
            return
        with Live(console=console, screen=True, auto_refresh=False) as live:
            try:
                while True:
                    run.follow()
                    shown = screen(run.view(), console.width, console.height)
                    live.update(shown, refresh=True)
                    time.sleep(max(every, _LEAST_SECONDS))
            except KeyboardInterrupt:
                return


def screen(view: SearchView, width: int, height: int) -> Group:
    """All that the terminal shows, for one of `width` columns and `height` lines."""
    rules = Table.grid(padding=(0, 2))
    for rule in view.rules:
        rules.add_row(Text(name_of(rule)), _line(rule.state(view.history, view.now)))
    below = 3 + len(view.rules) + _BEST + _LATEST + min(_CAUSES, len(causes(view.history))) + 7
    lines = max(4, min(12, height - below))
    return Group(
        _head(view),
        *_curve(view, width, lines),
        _stop(view),
        rules,
        _trials("best", view.history.best(_BEST), view.history.objective),
        _trials("latest", _latest(view), view.history.objective),
        *_failures(view),
    )


def _head(view: SearchView) -> Text:
    history = view.history
    trials = counted(view.limit or len(history.ended), "trial")
    ended = f"{len(history.ended):,} of {trials}" if view.limit else trials
    text = Text(view.name, style="bold", overflow="ellipsis", no_wrap=True)
    text.append(
        f"  {ended}, {len(history.running)} running, "
        f"{len(history.unrewarded)} without reward, "
        f"{duration(spent(history, {}, view.now).active)} of running",
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


def _stop(view: SearchView) -> Text:
    stop = first_stop(view.rules, view.history, view.now)
    if stop is None:
        warnings = warnings_of(view.rules, view.history, view.now)
        return Text("\n".join(f"Warning: {sentence(one.reason)}" for one in warnings), "yellow")
    found, advice = sentence(stop.reason), sentence(stop.advice)
    return Text(f"Ended by the rule {stop.rule!r}: {found} Next: {advice}", "yellow")


def _latest(view: SearchView) -> list[Trial]:
    ended = sorted(view.history.ended, key=lambda trial: trial.ended or 0.0)
    return ended[-_LATEST:][::-1]


def _trials(title: str, trials: Sequence[Trial], objective: Objective) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(justify="right", no_wrap=True, min_width=6)
    table.add_column(justify="right", no_wrap=True, min_width=6)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_row(Text(title, "bold"), Text(objective.name, "bold"), Text("architecture", "bold"))
    for trial in trials:
        if trial.reward is None:
            said = f"{type(trial.outcome).__name__.lower()}: {trial.reason}"
            table.add_row(str(trial.number), "", _line(said, "red"))
        else:
            figure = number(objective.figure(trial.reward))
            table.add_row(str(trial.number), figure, _line(repr(trial.architecture)))
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
