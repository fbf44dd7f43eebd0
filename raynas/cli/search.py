"""`raynas search`: run a search, or go on with it."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raynas.cli.search_file import Target, load_search, sources_of
from raynas.cli.terminal import complain, say

if TYPE_CHECKING:
    from raynas.report.files import ReportFiles
    from raynas.search import SearchResult, SearchRun

__all__ = ["search"]

_INTERRUPTED = 130
_NOTHING_FOUND = 1


def search(
    file: Target,
    trials: Annotated[int | None, typer.Option(help="Limit on the trials in all.")] = None,
    parallel: Annotated[int | None, typer.Option(help="Trials at a time.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the search, for its folder.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder for the results.")] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(help="What may have changed since the search began: reward, task or seed."),
    ] = None,
    check: Annotated[bool, typer.Option(help="Try a training step before the first trial.")] = True,
    again: Annotated[
        bool,
        typer.Option(
            "--again",
            help="Try once more what ended without a reward; where FILE has changed, set the "
            "results aside and begin anew.",
        ),
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of proposals and trainings; of a stored search with --keep seed."),
    ] = None,
    controller: Annotated[
        str | None,
        typer.Option(help="Controller that makes the proposals, such as auto, random or tpe."),
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Journal file or database URL that holds the trials.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show nothing but the best and errors.")
    ] = False,
    until: Annotated[
        list[str] | None,
        typer.Option(help="Rule up to which to go on; `trials` for the limits only. Repeatable."),
    ] = None,
) -> None:
    """Search for the best architecture. Run it again after a stop or a crash and it goes on.

    Options win over what FILE says. Ctrl-C ends the search and keeps every result. The exit code
    is 0 where the search ended with a result, 1 without any, 130 where it was interrupted, and 2
    where something in the call or the file is wrong.
    """
    from raynas.analysis.budgets import budget_lines
    from raynas.cli.check import check_first, warn_of_errors
    from raynas.cli.progress import progress, say_end

    command = shlex.join(["raynas", *sys.argv[1:]])
    found, default_name = load_search(file)
    limits = {"trials": trials, "parallel": parallel}
    given = {key: value for key, value in limits.items() if value is not None}
    chosen: dict[str, Any] = {"seed": seed, "controller": controller, "store": store}
    chosen |= {"name": name, "folder": folder}
    found = dataclasses.replace(
        found,
        **{key: value for key, value in chosen.items() if value is not None},
        limits=dataclasses.replace(found.limits, **given),
        keep=(*found.keep, *(keep or ())),
        again=again or found.again,
        until=tuple(until or found.until),
    )
    if not quiet:
        warn_of_errors(found, file)
    with found.open(default_name) as run:
        run.sources = sources_of(file)
        if check and not len(run.history):
            check_first(file, found)
        with nullcontext() if quiet else progress(run):
            result = run.go()
        files = _reported(run, file)
        if quiet:
            _say_best(result)
        else:
            say_end(result, files, command, file)
            for line in budget_lines(run.asktell):
                say(line)
    if result.stop is None:
        raise typer.Exit(_INTERRUPTED)
    if not result.history.completed:
        raise typer.Exit(_NOTHING_FOUND)


def _say_best(result: SearchResult) -> None:
    for best in result.best(1):
        say(f"trial {best.number}: {best.reward:.6g}: {best.architecture!r}")


def _reported(run: SearchRun, file: str) -> ReportFiles | None:
    """The report's files; None, with a line of warning, where it could not be written.

    The results are in the store, so nothing that goes wrong here may end as a failed search.
    """
    from raynas.report import write_report

    try:
        return write_report(run.view(), run.folder)
    except Exception as error:
        what = " ".join(str(error).split()) or type(error).__name__
        again = f"`raynas report {file}` tries again"
        complain(f"no report was written ({what}); every result is kept, {again}")
        return None
