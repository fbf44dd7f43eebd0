"""`raynas baseline`: the baseline trained in full, as the yardstick of a search."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raynas.cli.search_file import ResultsFolder, SearchName, Target, load_search
from raynas.cli.terminal import Terminal

if TYPE_CHECKING:
    from rich.console import Console

    from raynas.preflight.baseline import Baseline, BaselineRun, Run
    from raynas.preflight.problem_kind import Kind
    from raynas.preflight.published import Published
    from raynas.search import Search, SearchResult

__all__ = ["baseline"]

_INTERRUPTED = 130  # exit status after Ctrl-C, as of shells
_NOT_BETTER = 1  # exit status
_ROUNDS = 6  # each tries a rate half a decade further; up to three decades beyond the usual ones
_WIDTH, _HEIGHT = 60, 8  # characters: a curve with its axis in 80 columns


def baseline(
    file: Target,
    max_steps: Annotated[
        int | None, typer.Option(help="Train in full for this many optimizer steps.")
    ] = None,
    share: Annotated[
        float, typer.Option(help="Give each training to compare with this share of the steps.")
    ] = 0.2,
    optimizers: Annotated[
        bool,
        typer.Option(help="Try the usual optimizers, at two or three learning rates each."),
    ] = True,
    kind: Annotated[
        str | None,
        typer.Option(
            help="Take the optimizers usual for this kind of problem, such as images, language or "
            "tables; by default it is recognized from the module and its data."
        ),
    ] = None,
    general: Annotated[
        bool,
        typer.Option(
            "--general", help="Try a more general optimizer (NAdamW) too, once simple ones work."
        ),
    ] = False,
    published: Annotated[
        float | None, typer.Option(help="Compare the baseline with this published figure.")
    ] = None,
    source: Annotated[str, typer.Option(help="Name where that figure is published.")] = "",
    parallel: Annotated[
        int | None,
        typer.Option(help="Run this many trainings at a time; by default as many as fit."),
    ] = None,
    patience: Annotated[
        float, typer.Option(help="Give up on the first batch of data after this many seconds.")
    ] = 60.0,
    again: Annotated[
        bool, typer.Option("--again", help="Set earlier trainings aside and train anew.")
    ] = False,
    name: SearchName = None,
    folder: ResultsFolder = None,
) -> None:
    """Train the baseline in full: its curve, whether it beats chance, and how many steps it needs.

    Beside it train, for a part of the steps: the same without inputs (chance), a linear layer, and
    the baseline with the usual optimizers of its kind of problem, at further learning rates while
    the best is at the edge of those tried. Run it again and it goes on. The exit code is 1 where
    the baseline is no better than chance, 130 after an interruption.
    """
    from raynas.cli.progress import progress
    from raynas.preflight.baseline import open_baseline
    from raynas.preflight.published import Published

    reported = None if published is None else Published(published, source)
    command = shlex.join(["raynas", *sys.argv[1:]])
    found, default_name = load_search(file)
    found = dataclasses.replace(found, folder=found.folder if folder is None else folder)
    name = name or found.name or default_name
    console = Terminal()
    problem = _say_answers(found, kind, console)
    opened = partial(
        open_baseline,
        dataclasses.replace(found, again=False),
        name,
        max_steps=max_steps,
        share=share,
        optimizers=optimizers,
        kind=problem,
        parallel=parallel,
        patience=patience,
        again=again,
    )
    with opened() as run:
        with progress(run):
            result = run.go()
        judged = run.baseline()
    if result.stop is not None and optimizers:
        judged, result = _with_more(judged, result, opened, general)
    judged.save(Path(found.folder).absolute() / name)
    _say(judged, console)
    if reported is not None:
        _say_published(judged, reported, console)
    if result.stop is None:
        console.print(f"Interrupted. `{command}` goes on where it was.", soft_wrap=True)
        raise typer.Exit(_INTERRUPTED)
    if judged.verdict not in ("clearly better", "no better than linear"):
        raise typer.Exit(_NOT_BETTER)


def _with_more(
    judged: Baseline, result: SearchResult, opened: Callable[..., BaselineRun], general: bool
) -> tuple[Baseline, SearchResult]:
    """`judged` with further learning rates while the best is at an edge, and NAdamW where asked."""
    from raynas.cli.progress import progress
    from raynas.preflight.more_optimizers import (
        general_optimizers,
        more_rates,
        still_at_an_edge,
    )

    rounds = [(f"-baseline-rates{n}", more_rates) for n in range(1, _ROUNDS + 1)]
    if general:
        rounds.append(("-baseline-general", general_optimizers))
    for suffix, choose in rounds:
        settings = choose(judged)
        if not settings or result.stop is None:
            continue
        with opened(more=settings, suffix=suffix) as run:
            with progress(run):
                result = run.go()
            judged = dataclasses.replace(judged, runs=(*judged.runs, *run.runs()))
    if warning := still_at_an_edge(judged):
        judged = dataclasses.replace(judged, warnings=(*judged.warnings, warning))
    return judged, result


def _say_answers(search: Search, kind: str | None, console: Console) -> Kind | None:
    """Show what the first configuration has on already; the problem's kind, where it has one."""
    from rich.table import Table
    from rich.text import Text

    from raynas.full_training import full_task
    from raynas.preflight.first_configuration import answers_of
    from raynas.preflight.problem_kind import given_kind, kind_of, usual_optimizers
    from raynas.space import Space
    from raynas.tasks import LightningTask
    from raynas.tasks.example_input import innermost

    whole = search.full or search.task
    task = innermost(whole)
    if not isinstance(task, LightningTask):
        full_task(search)  # which says what is wrong
        return None
    architecture = Space.of(search.space).baseline
    problem = given_kind(kind) if kind is not None else kind_of(task, architecture)
    table = Table(title="The first configuration", title_justify="left")
    for column in ("question", "answer", "advice"):
        table.add_column(column, overflow="fold")
    for one in answers_of(task, architecture):
        table.add_row(Text(one.question), Text(one.answer), Text(one.advice, "yellow"))
    console.print(table)
    names = ", ".join(name for name, _ in usual_optimizers(problem.kind))
    console.print(
        Text(f"Kind of problem: {problem.kind}, {problem.words}. Usual optimizers: {names}.")
    )
    return problem.kind


def _say_published(found: Baseline, reported: Published, console: Console) -> None:
    from rich.text import Text

    from raynas.preflight.published import compared

    reproduced, words = compared(found, reported)
    style = "bold" if reproduced else "bold yellow"
    console.print(Text(words[:1].upper() + words[1:] + ".", style))


def _say(found: Baseline, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    table.add_column("training")
    for column in ("steps", f"best {found.metric}", "at its end", "time"):
        table.add_column(column, justify="right")
    pick = max if found.mode == "max" else min
    values = [run.best for run in found.runs if run.best is not None]
    for run in found.runs:
        top = run.best is not None and run.best == pick(values)
        table.add_row(*_cells(run), style="bold" if top else "")
    console.print()
    console.print(table)
    console.print(
        "All but the full training took a part of the steps: compare them among each other."
    )
    for run in found.runs:
        if run.reason:
            console.print(Text(f"{run.setting.name}: {run.reason}", "yellow"))
    if any(run.reason and run.reason != "has not ended" for run in found.runs):
        console.print("Once that is fixed, the same command with --again trains all of them anew.")
    _say_curve(found, console)
    style = "bold" if found.verdict == "clearly better" else "bold yellow"
    console.print(Text(f"Against chance: {found.words}.", style))
    if found.shape is not None:
        advice = found.shape.advice
        console.print(Text("Steps: " + advice + "."))
    if found.optimizers:
        console.print(Text(f"Optimizers: {found.optimizers}."))
    for warning in found.warnings:
        console.print(Text(f"Warning: {warning}.", "yellow"))


def _cells(run: Run) -> tuple[str, ...]:
    from raynas.wording import duration

    if run.value is None or run.best is None:
        return run.setting.name, f"{run.setting.steps:,}", "-", "-", ""
    return (
        run.setting.name,
        f"{run.steps:,}",
        f"{run.best:.4g}",
        f"{run.value:.4g}",
        duration(run.seconds),
    )


def _say_curve(found: Baseline, console: Console) -> None:
    from rich.text import Text

    from raynas.report.terminal_curve import plain_curve

    curve = found.full.curve
    if len(curve) < 2:
        return
    sign = 1.0 if found.mode == "max" else -1.0
    steps = [step for step, _ in curve]
    values = [sign * value for _, value in curve]
    rows, low, high = plain_curve(steps, values, _WIDTH, _HEIGHT)
    labels = {0: f"{sign * high:.4g}", len(rows) - 1: f"{sign * low:.4g}"}
    console.print(f"\n{found.metric} over the steps of the full training:")
    for place, row in enumerate(rows):
        line = Text(f"{labels.get(place, ''):>10} ", style="dim", no_wrap=True)
        for cell in row:
            line.append(cell.character, style="bold green" if cell.best else "blue")
        console.print(line)
    console.print(Text(f"{'0':>12}{steps[-1]:>{_WIDTH},}\n", style="dim"))
