"""What the commands show: progress while a search runs, and what it found."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from raynas.analysis.progress_line import ProgressLine
from raynas.cli.show_front import front_table, hypervolume_line
from raynas.cli.terminal import Terminal
from raynas.report import best_table, early_ends
from raynas.report.files import ReportFiles
from raynas.report.zero_cost import rank_correlation_line
from raynas.trials import History, Stop
from raynas.wording import counted, moment, next_steps, sentence

if TYPE_CHECKING:
    from raynas.search import SearchResult, SearchRun

__all__ = ["progress", "say_end", "say_figures", "say_report"]

_SECONDS_BETWEEN_LINES = 10.0  # a log of a day has 8,640 lines
_REFRESHES_A_SECOND = 4  # Rich's default
_REASONS_SHOWN = 3  # lines, so that a summary stays one screen
_LONGEST = 400  # characters: five lines of a terminal
_BAR = 12  # columns of 80, the rest being words
_LIMITS = (
    *("trial limit", "training limit", "time limit", "device time limit", "money limit"),
    *("space exhausted", "controller", "all trained", "device offline"),
)

_console = Terminal()


@contextmanager
def progress(run: SearchRun) -> Iterator[None]:
    """Show how `run` gets on: a live panel on a terminal, a line now and then elsewhere."""
    _say_start(run)
    view = _View(run)
    if _console.is_terminal:
        with Live(
            get_renderable=view.panel,
            console=_console,
            refresh_per_second=_REFRESHES_A_SECOND,
            transient=True,
        ):
            yield
        return
    over = threading.Event()

    def print_lines() -> None:
        while not over.wait(_SECONDS_BETWEEN_LINES):
            _console.print(view.line())

    thread = threading.Thread(target=print_lines, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def say_end(
    result: SearchResult, files: ReportFiles | None, command: str, file: str = "FILE"
) -> None:
    """Say why the search ended, what is best, where it is written, and what to do next."""
    if result.stop is None:
        _console.print(
            f"\n[bold]Interrupted.[/] {counted(len(result.history.ended), 'result')} kept; at the "
            f"next start {_in_flight(result.history)} again."
        )
    say_report(result.history, result.stop, files, file)
    if result.stop is None:
        _console.print(f"Next: [bold]{escape(command)}[/] goes on where it was.", soft_wrap=True)


def say_report(
    history: History, stop: Stop | None, files: ReportFiles | None, file: str = "FILE"
) -> None:
    """Say what is best so far, where it is written, and what the stop rules advise."""
    if stop is not None:
        _console.print(
            f"\n[bold]Ended by the rule “{escape(stop.rule)}”[/]: {escape(sentence(stop.reason))}"
        )
    if history.outside:
        _console.print(f"Outside bounds, by measuring: {counted(len(history.outside), 'trial')}.")
    if history.deferred:
        _console.print(
            f"Not measured, as a device was offline: {counted(len(history.deferred), 'trial')}; "
            "the next start of the search runs them once more."
        )
    reasons = Counter(trial.reason for trial in history.failures)
    for reason, count in reasons.most_common(_REASONS_SHOWN):
        _console.print(f"Without reward, {counted(count, 'time')}: {escape(str(reason))}")
    if early := early_ends(history):
        _console.print(f"{escape(early)}.")
    _say_best(history)
    if files is not None:
        _console.print(f"Report:     {_shown(files.page)}", soft_wrap=True)
        _console.print(f"All trials: {_shown(files.table)}", soft_wrap=True)
    if stop is not None:
        _console.print(escape(next_steps(stop.advice, file)), soft_wrap=True)
    for line in _ways_on(history, stop, file):
        _console.print(escape(line), soft_wrap=True)


def _say_best(history: History) -> None:
    """The front of several objectives with its hypervolume, or the best of one."""
    if not history.completed:
        _console.print("\nNo trial has a reward yet.")
        return
    if len(history.shown_as) > 1:
        _console.print(front_table(history))
        _console.print(hypervolume_line(history))
        return
    completed = counted(len(history.completed), "completed trial")
    table = Table(title=f"Best of {completed}", title_style="bold")
    table.add_column("rank", justify="right")
    table.add_column("trial", justify="right")
    found = best_table(history)
    for name in found.columns[2:-1]:
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("architecture", overflow="fold")
    for rank, trial, *figures, architecture in found.itertuples(index=False):
        shown = [f"{figure:.5g}" for figure in figures]
        table.add_row(str(rank), str(trial), *shown, Text(_cut(str(architecture))))
    _console.print(table)


def _ways_on(history: History, stop: Stop | None, quoted: str) -> Iterator[str]:
    """What to type for trials without a reward to be tried again, and to go on past a rule."""
    if history.failures:
        yield (
            f"Once what made trials fail is fixed: `raynas search {quoted} --again` tries "
            f"{counted(len(history.unrewarded), 'trial')} without a reward once more."
        )
    if stop is not None and stop.rule not in _LIMITS and "--until" not in stop.advice:
        yield f"To go on all the same: `raynas search {quoted} --until trials`."


def say_figures(paths: list[Path]) -> None:
    """Say where the figures were written."""
    folder = paths[0].parent
    files = counted(len(paths), "PNG file")
    _console.print(f"Figures:    {files} in {_shown(folder)}", soft_wrap=True)


class _View:
    """The state of a run, in words and numbers."""

    def __init__(self, run: SearchRun) -> None:
        self._run = run
        trainings = run.search.limits.trainings
        self._progress = ProgressLine(run.limit, run.earlier, run.label, trainings)
        self._scores_due = 0
        self._scores_shown: list[str] = []

    def panel(self) -> Group:
        history = self._run.history
        bar = Table.grid(padding=(0, 1))
        bar.add_column(width=_BAR)
        bar.add_column(no_wrap=True, overflow="ellipsis")
        used = self._progress.share(history)
        shown = ProgressBar(total=1.0, completed=min(1.0, used), width=_BAR)
        bar.add_row(shown, Text(self._progress.words(history)))
        warnings = [
            Text(f"warning ({warning.rule}): {warning.reason}", style="yellow")
            for warning in self._run.warnings()
        ]
        scores = [Text(line, style="dim") for line in self._scores(history)]
        return Group(bar, *scores, *warnings)

    def _scores(self, history: History) -> list[str]:
        """What zero-cost scores are worth so far, reckoned anew with every twentieth more trial."""
        count = len(history.completed)
        if count >= self._scores_due:
            self._scores_due = count + max(1, count // 20)
            line = rank_correlation_line(history)
            self._scores_shown = [line] if line else []
        return self._scores_shown

    def line(self) -> Text:
        """The state at this moment, for a log."""
        return Text(f"{moment(time.time())}: {self._progress.words(self._run.history)}")


def _say_start(run: SearchRun) -> None:
    _console.print(f"[bold]{escape(run.name)}[/]: {run.subject}, results in {_shown(run.folder)}")
    if run.mended:
        _console.print("The journal ended in a half-written line, which was cut off.")
    if run.earlier:
        again = f"; {_in_flight(run.earlier)} again" if run.earlier.running else ""
        _console.print(f"Going on after {counted(len(run.earlier.ended), 'ended trial')}{again}.")


def _in_flight(history: History) -> str:
    count = len(history.running)
    return f"{counted(count, 'trial')} in flight run{'s' if count == 1 else ''}"


def _shown(path: Path) -> str:
    """`path`, relative to the working directory where it lies in it."""
    here = Path.cwd()
    return escape(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _cut(text: str) -> str:
    """`text`, its middle left out where it would flood the screen; trials.csv has all of it."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
