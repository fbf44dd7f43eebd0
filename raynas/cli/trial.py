"""`raynas trial`: all that is known about one trial."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from raynas.cli.as_json import AsJson, say_json, trial_fields
from raynas.cli.search_file import Looked, ResultsFolder, SearchName, opened
from raynas.cli.terminal import Terminal
from raynas.errors import ConfigurationError
from raynas.objective import Objective
from raynas.stored import Look
from raynas.trials import Completed, Failed, Infeasible, Measurement, Stopped, Trial
from raynas.wording import moment

__all__ = ["trial"]

_console = Terminal(soft_wrap=True)


def trial(
    file: Looked,
    number: Annotated[int, typer.Argument(metavar="N", help="Show the trial of this number.")],
    as_json: AsJson = False,
    name: SearchName = None,
    folder: ResultsFolder = None,
) -> None:
    """Show a trial: its architecture, how it ended and why, its metrics, curve and log."""
    with opened(file, name, folder) as run:
        if not 0 <= number < len(run.history):
            raise ConfigurationError(
                f"N={number}: the search {run.name!r} has {_numbers(len(run.history))}"
            )
        found = run.history[number]
        if as_json:
            say_json(_fields(run, found))
        else:
            _say(run, found)


def _numbers(count: int) -> str:
    if count == 0:
        return "no trials yet"
    return f"the trials 0 to {count - 1}" if count > 1 else "only trial 0"


def _fields(run: Look, shown: Trial) -> dict[str, Any]:
    """The fields of `trial_fields`, with error, curve and the file of the log."""
    curve = [{"step": point.step, "metrics": point.metrics} for point in shown.curve]
    log = run.folder / "logs" / f"{shown.number}.log"
    return {
        **trial_fields(shown, run.space),
        "error": shown.outcome.error if isinstance(shown.outcome, Failed) else None,
        "curve": curve,
        "log": str(log) if log.exists() else None,
    }


def _say(run: Look, shown: Trial) -> None:
    _console.print(f"[bold]Trial {shown.number}[/]: {escape(_ending(shown, run.history.shown_as))}")
    _console.print(escape(repr(shown.architecture)))
    if shown.ended:
        seconds = shown.ended - shown.started
        _console.print(f"ran for {seconds:.1f} s from {moment(shown.started)}")
    for count, earlier in enumerate(run.notes(shown.number).get("runs", []), 1):
        _console.print(f"run {count} ended without a result: {escape(str(earlier['why']))}")
    _say_measurement(getattr(shown.outcome, "measurement", None))
    if isinstance(shown.outcome, Failed):
        _console.print(escape(shown.outcome.error.rstrip()))
    log = run.folder / "logs" / f"{shown.number}.log"
    if log.exists():
        _console.print(f"[bold]Log[/] ({escape(str(log))}):")
        _console.print(escape(log.read_text(errors="replace").rstrip()))


def _ending(shown: Trial, objectives: tuple[Objective, ...]) -> str:
    match shown.outcome:
        case Completed(objectives=values):
            pairs = zip(objectives, values, strict=False)
            return f"completed, {', '.join(f'{o.name} {o.show(value, 6)}' for o, value in pairs)}"
        case Infeasible(reason=reason):
            return f"infeasible: {reason}"
        case Stopped(by=by):
            return f"stopped by {by}"
        case Failed():
            return f"failed: {shown.reason}"
        case _:
            return "in flight"


def _say_measurement(measurement: Measurement | Any) -> None:
    if not isinstance(measurement, Measurement):
        return
    if measurement.ended_early:
        _console.print(escape(measurement.ended_early))
    for metric, value in measurement.metrics.items():
        _console.print(f"  {escape(metric)} = {value:.6g}")
    for point in measurement.curve:
        values = ", ".join(f"{name} {value:.5g}" for name, value in point.metrics.items())
        _console.print(f"  step {point.step}: {escape(values)}")
