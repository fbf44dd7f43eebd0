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
from raynas.cli.show_front import hypervolume_line
from raynas.cli.terminal import Terminal
from raynas.report.cost import duration, spent
from raynas.report.failures import causes
from raynas.report.fronts import front_line, shown_objectives
from raynas.report.markup import number
from raynas.report.stop_rules import name_of
from raynas.report.terminal_curve import plain_curve
from raynas.rewards import Objective
from raynas.stopping import first_stop, warnings_of
from raynas.trials import Trial

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
        *_front(view),
        _trials("best", view.history.best(_BEST), view.axes),
        _trials("latest", _latest(view), view.axes),
        *_failures(view),
    )


def _head(view: SearchView) -> Text:
    history = view.history
    limit = f" of {view.limit:,}" if view.limit else ""
    text = Text(view.name, style="bold", overflow="ellipsis", no_wrap=True)
    text.append(
        f"  {len(history.ended):,}{limit} trials, {len(history.running)} running, "
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
    first = view.axes[0]
    labels = {0: number(first.value(high)), len(rows) - 1: number(first.value(low))}
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
        return Text("\n".join(f"Warning: {warning.reason}" for warning in warnings), "yellow")
    return Text(f"Ended by the rule {stop.rule!r}: {stop.reason}. Next: {stop.advice}.", "yellow")


def _latest(view: SearchView) -> list[Trial]:
    ended = sorted(view.history.ended, key=lambda trial: trial.ended or 0.0)
    return ended[-_LATEST:][::-1]


def _front(view: SearchView) -> list[Text]:
    lines = front_line(view.history, view.axes), hypervolume_line(view.history, view.axes)
    return [_line(line) for line in lines if line]


def _trials(
    title: str, trials: list[Trial] | tuple[Trial, ...], axes: Sequence[Objective]
) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(justify="right", no_wrap=True, min_width=6)
    table.add_column(justify="right", no_wrap=True, min_width=6)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_row(Text(title, "bold"), Text("reward", "bold"), Text("architecture", "bold"))
    for trial in trials:
        if trial.reward is None:
            said = f"{type(trial.outcome).__name__.lower()}: {trial.reason}"
            table.add_row(str(trial.number), "", _line(said, "red"))
        else:
            shown = shown_objectives(trial.objectives or (), axes)
            table.add_row(str(trial.number), shown, _line(repr(trial.architecture)))
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
