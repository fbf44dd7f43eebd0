"""`raynas search`: run a search, or go on with it."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raynas.cli.search_file import Target, load_chain, load_search, sources_of
from raynas.cli.terminal import complain, say
from raynas.wording import as_typed

if TYPE_CHECKING:
    from raynas.report.files import ReportFiles
    from raynas.search import Search, SearchResult, SearchRun
    from raynas.stages import StageChain
    from raynas.store import Again

__all__ = ["AgainOption", "KeepOption", "UntilOption", "search"]

_INTERRUPTED = 130  # exit status after Ctrl-C, as of shells
_NOTHING_FOUND = 1  # exit status

KeepOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PART",
        help="Go on although this part has changed since the search began: reward, task or seed. "
        "Repeatable.",
    ),
]
AgainOption = Annotated[
    bool,
    typer.Option(
        "--again",
        help="Try once more what ended without a reward; where FILE has changed, set the results "
        "aside and begin anew.",
    ),
]
UntilOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="RULE",
        help="Go on until this rule ends the search; `trials` for its limits only. Repeatable.",
    ),
]


def search(
    file: Target,
    trials: Annotated[
        int | None, typer.Option(help="End the search after this many trials.")
    ] = None,
    trainings: Annotated[
        float | None,
        typer.Option(
            help="End a search over budgets once its trials cost as much as this many full "
            "trainings."
        ),
    ] = None,
    parallel: Annotated[
        int | None, typer.Option(help="Run this many trials at a time; by default as many as fit.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Run under this name, which names the folder too.")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Write results to this folder.")] = None,
    keep: KeepOption = None,
    check: Annotated[
        bool, typer.Option(help="Try one training step before the first trial.")
    ] = True,
    again: AgainOption = False,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Use this seed for proposals and trainings; for a stored search add --keep seed."
        ),
    ] = None,
    controller: Annotated[
        str | None,
        typer.Option(help="Let this controller propose, such as auto, random or tpe."),
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Keep the trials in this journal file or database URL.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show only the best and errors.")
    ] = False,
    until: UntilOption = None,
) -> None:
    """Search for the best architecture. Run it again after a stop or a crash and it goes on.

    Options override what FILE says. Ctrl-C ends the search and keeps every result. If FILE has
    stages in a row, all are run in order, with these options; FILE:NAME runs one of them. The exit
    code is 0 if the search ended with a result, 1 if it ended without one, 130 if it was
    interrupted, and 2 if something in the command or the file is wrong.
    """
    chosen: dict[str, Any] = {"seed": seed, "controller": controller, "store": store}
    limits = {"trials": trials, "trainings": trainings, "parallel": parallel}
    options = _Options(
        {key: value for key, value in chosen.items() if value is not None},
        {key: value for key, value in limits.items() if value is not None},
        tuple(keep or ()),
        tuple(until or ()),
        again,
        check,
        quiet,
        name,
        folder,
    )
    stages = load_chain(file, name, folder)
    if stages is not None:
        run_stages(file, *stages, options)
        return
    found, default_name = load_search(file, name, folder)
    result = _searched(file, options.given_to(found, again), default_name, options)
    _exit(result)


@dataclasses.dataclass(frozen=True)
class _Options:
    """What the command line says of a search, or of each stage."""

    chosen: Mapping[str, Any]
    limits: Mapping[str, Any]
    keep: tuple[str, ...]
    until: tuple[str, ...]
    again: bool
    check: bool
    quiet: bool
    name: str | None
    folder: Path | None

    def given_to(self, found: Search, again: Again) -> Search:
        """`found` with these options."""
        return dataclasses.replace(
            found,
            **self.chosen,
            limits=dataclasses.replace(found.limits, **self.limits),
            keep=(*found.keep, *self.keep),
            again=again or found.again,
            until=self.until or found.until,
        )


def run_stages(file: str, chain: StageChain, stage: str | None, options: _Options) -> None:
    """Run the stages of a chain, or one of them, each as a search."""
    from raynas.cli.show_stages import say_stages, write_stages

    place = file.partition(":")[0]
    for name in chain.names if stage is None else (stage,):
        if stage is None and chain.passed(name) and not options.again:
            if not options.quiet:
                say(f"Stage {name}: passed, as a later stage was built on it.")
            continue
        built = chain.build(name, again=options.again)
        found = options.given_to(built.search, built.search.again)
        if not options.quiet:
            say(f"Stage {name} ({chain.names.index(name) + 1} of {len(chain.names)}):")
        result = _searched(f"{place}:{name}", found, name, options, partial(chain.note, built))
        chain.forget(name)
        if result.stop is None or not result.history.completed:
            chain.check_found(name, result.history)
            _exit(result)
    page = write_stages(chain)
    if not options.quiet:
        say_stages(chain, page)


def _searched(
    file: str,
    found: Search,
    default_name: str,
    options: _Options,
    started: Callable[[], None] = lambda: None,
) -> SearchResult:
    """Run a search to its end, and report it; `started` is called once its store is open."""
    from raynas.analysis.budgets import budget_lines
    from raynas.cli.check import check_first, warn_of_errors
    from raynas.cli.progress import progress, say_end

    command = shlex.join(["raynas", *sys.argv[1:]])
    if not options.quiet:
        warn_of_errors(found, file)
    with found.open(default_name) as run:
        started()
        run.sources = sources_of(file)
        if options.check and not len(run.history):
            check_first(file, found)
        with nullcontext() if options.quiet else progress(run):
            result = run.go()
        target = as_typed(file, options.name, options.folder)
        files = _reported(run, target)
        if options.quiet:
            _say_best(result)
        else:
            say_end(result, files, command, target)
            for line in budget_lines(run.asktell):
                say(line)
    return result


def _exit(result: SearchResult) -> None:
    """End the command with another code than 0 where the search has not ended with a result."""
    if result.stop is None:
        raise typer.Exit(_INTERRUPTED)
    if not result.history.completed:
        raise typer.Exit(_NOTHING_FOUND)


def _say_best(result: SearchResult) -> None:
    from raynas.analysis.fronts import shown_objectives

    for best in result.best(1):
        shown = shown_objectives(best.objectives or (), result.history.shown_as)
        say(f"{result.history.label(best)}: {shown}: {best.architecture!r}")


def _reported(run: SearchRun, typed: str) -> ReportFiles | None:
    """The report's files; None, with a line of warning, where it could not be written.

    The results are in the store, so nothing that goes wrong here may end as a failed search.
    """
    from raynas.report import write_report

    try:
        return write_report(dataclasses.replace(run.view(), target=typed), run.folder)
    except Exception as error:
        what = " ".join(str(error).split()) or type(error).__name__
        again = f"`raynas report {typed}` tries again"
        complain(f"no report was written ({what}); every result is kept, {again}")
        return None
