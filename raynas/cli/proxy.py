"""`raynas proxy`: from a training script to a proxy task that can be trusted."""

from __future__ import annotations

import dataclasses
import math
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raynas.cli.search_file import Target, load_search
from raynas.cli.terminal import say
from raynas.errors import ConfigurationError
from raynas.rank_interval import FEWEST
from raynas.wording import counted

if TYPE_CHECKING:
    from raynas.proxy import Laboratory
    from raynas.tasks import LightningTask, Task

__all__ = ["proxy"]

_INTERRUPTED = 130  # exit status after Ctrl-C, as of shells
_FOUND_ERRORS = 1  # exit status
_NOT_SURE = 1  # exit status

proxy = typer.Typer(
    help="Find a short training that ranks architectures as full training does. FILE first, then "
    "one of the commands: variance, smoothness, models, design, check.",
    no_args_is_help=True,
    add_completion=False,
)

Name = Annotated[
    str | None, typer.Option(help="Use the search of this name; by default that of FILE.")
]
Folder = Annotated[
    Path | None, typer.Option(help="Look for results in this folder; by default that of FILE.")
]
Parallel = Annotated[
    int | None, typer.Option(help="Run this many trainings at a time; by default as many as fit.")
]
Again = Annotated[
    bool,
    typer.Option(
        "--again",
        help="Train once more what ended without a score; where the training has changed, set "
        "its results aside and begin anew.",
    ),
]
MaxSteps = Annotated[int | None, typer.Option(help="Train in full for this many optimizer steps.")]
Models = Annotated[int, typer.Option(help="Keep this many reference models.")]
Full = Annotated[int, typer.Option(help="Train this many of the reference models in full.")]
Candidates = Annotated[
    int, typer.Option(help="Choose reference models from this many random architectures.")
]
Cost = Annotated[
    str,
    typer.Option(
        help="Spread reference models over this metric besides the score, or over seconds."
    ),
]


@proxy.callback()
def read(context: typer.Context, file: Target) -> None:
    """Read FILE."""
    context.obj = load_search(file)


@proxy.command()
def variance(
    context: typer.Context,
    repeats: Annotated[int, typer.Option(help="Train each architecture this many times.")] = 5,
    models: Annotated[
        int, typer.Option(help="Train this many architectures: the baseline and random ones.")
    ] = 1,
    steps: Annotated[
        int | None, typer.Option(help="Train for this many optimizer steps; by default the task's.")
    ] = None,
    name: Name = None,
    folder: Folder = None,
    parallel: Parallel = None,
    again: Again = False,
) -> None:
    """Train the same architecture several times: what difference is beyond noise?"""
    from raynas.cli.show_proxy import say_repeats
    from raynas.proxy import measure_repeats, write_repeats

    lab = _laboratory(context, name, folder, parallel, again)
    task = _task(lab, steps)
    with _going_on():
        found = measure_repeats(
            lab, task, repeats=repeats, models=models, part=_part("variance", steps)
        )
    say_repeats(found, lab.objective)
    _wrote(lab, write_repeats(lab, found))


@proxy.command()
def smoothness(
    context: typer.Context,
    models: Annotated[
        int, typer.Option(help="Train this many architectures: the baseline and random ones.")
    ] = 1,
    evaluations: Annotated[int, typer.Option(help="Evaluate each training this many times.")] = 20,
    steps: Annotated[
        int | None, typer.Option(help="Train for this many optimizer steps; by default the task's.")
    ] = None,
    name: Name = None,
    folder: Folder = None,
    parallel: Parallel = None,
    again: Again = False,
) -> None:
    """Train once, evaluating often: how much of the learning curve is noise?"""
    from raynas.cli.show_proxy import say_curves
    from raynas.proxy import lightning, measure_smoothness, write_curves

    lab = _laboratory(context, name, folder, parallel, again)
    task = lightning(_task(lab, steps), "learning curve")
    if not 6 <= evaluations <= task.max_steps:
        raise ConfigurationError(
            f"evaluations={evaluations}: must be from 6 to the task's "
            f"{counted(task.max_steps, 'step')}"
        )
    task.evaluations = evaluations
    part = f"{_part('smoothness', steps)}-{evaluations}"
    with _going_on():
        found = measure_smoothness(lab, task, models=models, part=part)
    say_curves(found, lab.objective)
    _wrote(lab, write_curves(lab, found))


@proxy.command()
def models(
    context: typer.Context,
    candidates: Candidates = 30,
    models: Models = 10,
    full: Full = 6,
    cost: Cost = "parameters",
    max_steps: MaxSteps = None,
    name: Name = None,
    folder: Folder = None,
    parallel: Parallel = None,
    again: Again = False,
) -> None:
    """Choose reference models, evenly over score and cost, and find out how good they are."""
    from raynas.cli.show_proxy import say_references
    from raynas.proxy import find_references, write_references

    lab = _laboratory(context, name, folder, parallel, again)
    with _going_on():
        found = find_references(
            lab, candidates=candidates, models=models, full=full, cost=cost, max_steps=max_steps
        )
    say_references(found, lab.objective)
    settings = {"candidates": candidates, "models": models, "full": full, "cost": cost}
    _wrote(lab, write_references(lab, found, {**settings, "max_steps": max_steps}))


@proxy.command()
def design(
    context: typer.Context,
    data: Annotated[
        str, typer.Option(help="Try these shares of the training data, such as 0.25,1.")
    ] = "0.25,1",
    inputs: Annotated[
        str,
        typer.Option("--input", help="Try these shares of the input's side length, such as 0.5,1."),
    ] = "1",
    build: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUES",
            help="Try these values of an argument of build, such as width_factor=0.5,1. "
            "Repeatable.",
        ),
    ] = None,
    tau: Annotated[
        float, typer.Option(help="Accept a proxy that reaches this Kendall's tau.")
    ] = 0.65,
    confidence: Annotated[
        float, typer.Option(help="Require this confidence that the true tau reaches the goal.")
    ] = 0.9,
    limit: Annotated[
        float,
        typer.Option(
            help="Limit the cost of a proxy run to this many full trainings.", show_default="1/30"
        ),
    ] = 1 / 30,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Train candidates for this many optimizer steps; by default as many as the "
            "limit allows."
        ),
    ] = None,
    evaluations: Annotated[int, typer.Option(help="Evaluate each run this many times.")] = 8,
    all_candidates: Annotated[
        bool,
        typer.Option("--all", help="Train every candidate to the end, for its learning curve."),
    ] = False,
    name: Name = None,
    folder: Folder = None,
    parallel: Parallel = None,
    again: Again = False,
) -> None:
    """Find the cheapest proxy that ranks the reference models well enough.

    The exit code is 0 where it is good enough with the confidence asked for, 1 where it is not.
    """
    from raynas.cli.show_proxy import say_design
    from raynas.proxy import Goal, design_proxy, read_references, settings_of, write_design

    goal = Goal(tau, confidence, limit)
    lab = _laboratory(context, name, folder, parallel, again)
    arguments = dict(_values(text) for text in build or ())
    settings = settings_of(_floats("data", data), _floats("input", inputs), arguments)
    with _going_on():
        references, max_steps = read_references(lab)
        found = design_proxy(
            lab,
            references,
            settings,
            goal,
            steps=steps,
            evaluations=evaluations,
            max_steps=max_steps,
            all_candidates=all_candidates,
        )
    say_design(found, references)
    _wrote(lab, write_design(lab, found, references))
    if not found.sure:
        raise typer.Exit(_NOT_SURE)


@proxy.command()
def check(
    context: typer.Context,
    trials: Annotated[int, typer.Option(help="Run this many trials of the proxy.")] = 10,
    fresh: Annotated[
        int,
        typer.Option(
            help="Train this many new architectures in full, to test the predicted agreement."
        ),
    ] = 0,
    least: Annotated[
        float, typer.Option(help="Report scores below this one.", show_default=False)
    ] = -math.inf,
    most: Annotated[
        float, typer.Option(help="Report scores above this one.", show_default=False)
    ] = math.inf,
    name: Name = None,
    folder: Folder = None,
    parallel: Parallel = None,
    again: Again = False,
) -> None:
    """Check the chosen proxy on a few trials before the search.

    The exit code is 1 if there are errors.
    """
    from raynas.cli.show_proxy import say_findings, say_fresh
    from raynas.proxy import final_checks, read_design, try_fresh, worst, write_fresh

    if fresh and fresh < FEWEST:
        raise ConfigurationError(
            f"fresh={fresh}: must be at least {FEWEST}, as the ranks of fewer agree by chance"
        )
    lab = _laboratory(context, name, folder, parallel, again)
    chosen = read_design(lab)
    with _going_on():
        findings = final_checks(
            lab,
            chosen.setting,
            chosen.steps,
            trials=trials,
            max_steps=chosen.max_steps,
            sane=(least, most),
        )
        say_findings(findings)
        if fresh:
            found = try_fresh(
                lab, chosen.setting, chosen.steps, count=fresh, max_steps=chosen.max_steps
            )
            say_fresh(found, chosen)
            _wrote(lab, write_fresh(lab, found))
    if worst(findings) == "error":
        raise typer.Exit(_FOUND_ERRORS)


def _laboratory(
    context: typer.Context,
    name: str | None,
    folder: Path | None,
    parallel: int | None,
    again: bool,
) -> Laboratory:
    from raynas.proxy import Laboratory

    if parallel is not None and parallel < 1:
        raise ConfigurationError(f"parallel={parallel}: must be at least 1")
    found, default_name = context.obj
    found = dataclasses.replace(
        found, again=again, folder=found.folder if folder is None else folder
    )
    return Laboratory(found, name or found.name or default_name, parallel, say)


def _task(lab: Laboratory, steps: int | None) -> Task:
    """The search's task, of as many steps as were asked for."""
    import copy

    from raynas.proxy import lightning

    if steps is None:
        return copy.copy(lab.search.task)
    if steps < 1:
        raise ConfigurationError(f"steps={steps}: must be at least 1")
    task: LightningTask = copy.copy(lightning(lab.search.task, "number of steps"))
    task.max_steps = steps
    task.evaluations = min(task.evaluations, steps)
    return task


def _part(name: str, steps: int | None) -> str:
    return name if steps is None else f"{name}-{steps}"


def _floats(option: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigurationError(
            f"{option}={text!r}: must be numbers with commas between them, as in 0.25,1"
        ) from None


def _values(text: str) -> tuple[str, tuple[Any, ...]]:
    name, equals, values = text.partition("=")
    if not equals or not name.isidentifier() or not values:
        raise ConfigurationError(
            f"build={text!r}: must be an argument and its values, as in width_factor=0.5,1"
        )
    return name, _floats("build", values)


@contextmanager
def _going_on() -> Iterator[None]:
    """Says how to go on after an interruption."""
    from raynas.proxy import Interrupted

    try:
        yield
    except Interrupted:
        say(f"Interrupted. `{shlex.join(['raynas', *sys.argv[1:]])}` goes on where it was.")
        raise typer.Exit(_INTERRUPTED) from None


def _wrote(lab: Laboratory, folder: Path) -> None:
    from raynas.report.proxy_page import write_study_page

    say(f"Page: {write_study_page(folder, lab.name)}")
