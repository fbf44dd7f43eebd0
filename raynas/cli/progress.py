"""What the commands show: progress while a search runs, and what it found."""

from __future__ import annotations

import shlex
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from raynas.cli.show_front import front_table, hypervolume_line
from raynas.cli.terminal import Terminal
from raynas.report import best_table, early_ends
from raynas.report.files import ReportFiles
from raynas.report.fronts import front_line, shown_objectives
from raynas.report.zero_cost import rank_correlation_line
from raynas.rewards import Objective
from raynas.search import SearchResult, SearchRun
from raynas.trials import History, Stop

__all__ = ["progress", "say_end", "say_figures", "say_report"]

_SECONDS_BETWEEN_LINES = 10.0
_REFRESHES_A_SECOND = 4
_REASONS_SHOWN = 3
_LONGEST = 400
_LIMITS = (
    *("trial limit", "time limit", "device time limit", "money limit"),
    *("space exhausted", "controller", "all trained"),
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
            f"\n[bold]Interrupted.[/] {len(result.history.ended)} results are kept; "
            f"{len(result.history.running)} trials in flight run again at the next start."
        )
    say_report(result.history, result.stop, files, file, result.axes)
    if result.stop is None:
        _console.print(f"Next: [bold]{escape(command)}[/] goes on where it was.", soft_wrap=True)


def say_report(
    history: History,
    stop: Stop | None,
    files: ReportFiles | None,
    file: str = "FILE",
    axes: Sequence[Objective] = (),
) -> None:
    """Say what is best so far, where it is written, and what the stop rules advise."""
    if stop is not None:
        _console.print(
            f"\n[bold]Ended by the rule “{escape(stop.rule)}”[/]: {escape(stop.reason)}."
        )
    if history.outside:
        _console.print(f"Outside bounds, by measuring: {len(history.outside)} trials.")
    reasons = Counter(trial.reason for trial in history.failures)
    for reason, count in reasons.most_common(_REASONS_SHOWN):
        _console.print(f"Without reward, {count} times: {escape(str(reason))}")
    if early := early_ends(history):
        _console.print(f"{escape(early)}.")
    _say_best(history, axes)
    if files is not None:
        _console.print(f"Report:     {_shown(files.page)}", soft_wrap=True)
        _console.print(f"All trials: {_shown(files.table)}", soft_wrap=True)
    if stop is not None:
        _console.print(f"Next: {escape(stop.advice)}.")
    for line in _ways_on(history, stop, shlex.quote(file)):
        _console.print(escape(line), soft_wrap=True)


def _say_best(history: History, axes: Sequence[Objective]) -> None:
    """The front of several objectives with its hypervolume, or the best of one."""
    if not history.completed:
        _console.print("\nNo trial has a reward yet.")
        return
    if len(axes) > 1:
        _console.print(front_table(history, axes))
        _console.print(hypervolume_line(history, axes))
        return
    least = axes[0] if axes and axes[0].mode == "min" else None
    table = Table(title=f"Best of {len(history.completed)} rewarded trials", title_style="bold")
    table.add_column("rank", justify="right")
    table.add_column("trial", justify="right")
    table.add_column(least.name if least else "reward", justify="right")
    table.add_column("architecture", overflow="fold")
    for row in best_table(history).itertuples():
        reward = float(row.reward)  # type: ignore[arg-type] # a number in every row
        table.add_row(
            str(row.rank),
            str(row.trial),
            f"{least.value(reward) if least else reward:.5g}",
            Text(_cut(str(row.architecture))),
        )
    _console.print(table)


def _ways_on(history: History, stop: Stop | None, file: str) -> Iterator[str]:
    """What to type for trials without a reward to be tried again, and to go on past a rule."""
    if history.failures:
        yield (
            f"Once what made trials fail is fixed: `raynas search {file} --again` tries the "
            f"{len(history.unrewarded)} without a reward once more."
        )
    if stop is not None and stop.rule not in _LIMITS:
        yield f"To go on all the same: `raynas search {file} --until trials`."


def say_figures(paths: list[Path]) -> None:
    """Say where the figures were written."""
    folder = paths[0].parent
    _console.print(f"Figures:    {len(paths)} PNG files in {_shown(folder)}", soft_wrap=True)


class _View:
    """The state of a run, in words and numbers."""

    def __init__(self, run: SearchRun) -> None:
        self._run = run
        self._start = time.monotonic()
        self._earlier = len(run.earlier.ended)
        self._scores_due = 0
        self._scores_shown: list[str] = []

    def panel(self) -> Group:
        history = self._run.history
        limit = self._run.search.limits.trials
        table = Table.grid(padding=(0, 2))
        table.add_row(
            ProgressBar(total=limit, completed=len(history.ended), width=30),
            Text(self._counts(history)),
        )
        best = Text(self._best(history), overflow="ellipsis", no_wrap=True)
        states = [Text(f"rule: {state}", style="dim") for state in self._run.states()]
        warnings = [
            Text(f"warning ({warning.rule}): {warning.reason}", style="yellow")
            for warning in self._run.warnings()
        ]
        scores = [Text(line, style="dim") for line in self._scores(history)]
        return Group(table, best, *scores, *states, *warnings)

    def _scores(self, history: History) -> list[str]:
        """What zero-cost scores are worth so far, reckoned anew with every twentieth more trial."""
        count = len(history.completed)
        if count >= self._scores_due:
            self._scores_due = count + max(1, count // 20)
            line = rank_correlation_line(history)
            self._scores_shown = [line] if line else []
        return self._scores_shown

    def line(self) -> Text:
        history = self._run.history
        return Text(f"{self._counts(history)}, {self._best(history)}")

    def _counts(self, history: History) -> str:
        counts = (
            f"{len(history.ended)}/{self._run.search.limits.trials} trials, "
            f"{len(history.running)} running, {len(history.failures)} without reward"
        )
        if history.outside:
            counts += f", {len(history.outside)} outside bounds"
        ended = len(history.ended) - self._earlier
        if not ended:
            return f"{counts}, starting"
        rate = ended / (time.monotonic() - self._start)
        left = (self._run.search.limits.trials - len(history.ended)) / rate
        return f"{counts}, {rate * 60:.3g} a minute, at most {_duration(left)} left"

    def _best(self, history: History) -> str:
        if not history.completed:
            return "no reward yet"
        best = history.best(1)[0]
        axes = self._run.reward.axes
        if line := front_line(history, axes):
            return line
        shown = shown_objectives(best.objectives or (), axes)
        return f"best {shown} in {self._run.label(best)}: {best.architecture!r}"


def _say_start(run: SearchRun) -> None:
    size = run.space.size
    shown = f"{size:,}" if size < 10**9 else f"about {Decimal(size):.1e}"
    _console.print(f"[bold]{escape(run.name)}[/]: {shown} architectures in {_shown(run.folder)}")
    if run.mended:
        _console.print("The journal ended in a half-written line, which was cut off.")
    if run.earlier:
        _console.print(
            f"Going on after {len(run.earlier.ended)} ended trials; "
            f"{len(run.earlier.running)} in flight run again."
        )


def _shown(path: Path) -> str:
    """`path`, relative to the working directory where it lies in it."""
    here = Path.cwd()
    return escape(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _cut(text: str) -> str:
    """`text`, its middle left out where it would flood the screen; trials.csv has all of it."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
