"""`raynas augment`: search how to augment the data, for an architecture that is fixed."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raynas.cli.search_file import ResultsFolder, SearchName, Target, load_search, sources_of
from raynas.cli.terminal import say
from raynas.errors import ConfigurationError

if TYPE_CHECKING:
    from raynas.augmentation import Policy
    from raynas.search import Search, SearchResult, SearchRun
    from raynas.tasks import Task
    from raynas.trials import Architecture

__all__ = ["augment"]

_SUFFIX = "-augmentation"
_INTERRUPTED = 130  # exit status after Ctrl-C, as of shells
_NOTHING_FOUND = 1  # exit status
_BY_DIMENSIONS = {2: "table-rand", 3: "series-rand", 4: "image-rand"}


def augment(
    file: Target,
    policy: Annotated[
        str,
        typer.Option(
            help="Search this policy: image-rand, photometric-rand, spectrogram-rand, series-rand "
            "or table-rand, or one of these with -auto for AutoAugment; auto takes one by the "
            "shape of the inputs."
        ),
    ] = "auto",
    of: Annotated[
        str, typer.Option("--of", help="Train the baseline, the best, or the trial of this number.")
    ] = "baseline",
    data_fraction: Annotated[
        float, typer.Option(help="Let a trial see this share of the training data.")
    ] = 0.25,
    max_steps: Annotated[
        int | None,
        typer.Option(
            help="Train in full for this many optimizer steps; by default those of Search.full."
        ),
    ] = None,
    trials: Annotated[int, typer.Option(help="End the search after this many trials.")] = 31,
    parallel: Annotated[
        int | None, typer.Option(help="Run this many trials at a time; by default as many as fit.")
    ] = None,
    name: SearchName = None,
    folder: ResultsFolder = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Set earlier results aside if they are of another policy or training."
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show only the best and errors.")
    ] = False,
) -> None:
    """Search how to augment the data for one architecture. Run it again and it goes on.

    For data that are too few or too unbalanced for an architecture search, and for the winner of
    one. Trials train on a part of the data to the end; the first one without augmentation. Results
    are beside those of the search. Exit codes are those of `raynas search`.
    """
    from raynas.cli.progress import progress
    from raynas.stages import Augmentation
    from raynas.store import beside

    found, default_name = load_search(file, name, folder)
    name = found.name or default_name
    made = Augmentation(
        policy=_policy(policy, found.task),
        data_fraction=data_fraction,
        max_steps=max_steps,
        limits=dataclasses.replace(found.limits, trials=trials, parallel=parallel),
    ).alone(found, _architecture(found, name, of))
    search = dataclasses.replace(
        made, name=name + _SUFFIX, store=beside(found.store, _SUFFIX), again=again
    )
    with search.open() as run:
        run.sources = sources_of(file)
        with nullcontext() if quiet else progress(run):
            result = run.go()
        _say_found(run, result)
    if result.stop is None:
        say(f"Interrupted. `{shlex.join(['raynas', *sys.argv[1:]])}` goes on where it was.")
        raise typer.Exit(_INTERRUPTED)
    if not result.history.completed:
        raise typer.Exit(_NOTHING_FOUND)


def _policy(name: str, task: Task) -> type[Policy]:
    from raynas.stages.augmentation import policies

    known = policies()
    if name == "auto":
        name = _for_inputs(task)
    if name not in known:
        raise ConfigurationError(f"policy={name!r}: use auto, or one of {', '.join(known)}")
    return known[name]


def _for_inputs(task: Task) -> str:
    """The policies for inputs of the shape that a trial gets."""
    from raynas.tasks.example_input import example_of

    example: Any = example_of(task)
    dimensions = getattr(example, "ndim", None)
    if dimensions not in _BY_DIMENSIONS:
        shape = tuple(getattr(example, "shape", ())) or type(example).__name__
        raise ConfigurationError(
            f"policy='auto': which policy suits inputs of the shape {shape} is not known; name one "
            "with --policy, such as image-rand or series-rand"
        )
    return _BY_DIMENSIONS[dimensions]


def _architecture(search: Search, name: str, of: str) -> Architecture | None:
    """What `of` means; None for the baseline."""
    if of == "baseline":
        return None
    with dataclasses.replace(search, name=name).open(read_only=True) as run:
        history = run.history
    if of == "best":
        from raynas.full_training import best_of

        return best_of(search, name, history).architecture
    if not of.isdecimal() or int(of) >= len(history):
        raise ConfigurationError(
            f"of={of!r}: use baseline, best, or a trial's number below {len(history)}"
        )
    return history[int(of)].architecture


def _say_found(run: SearchRun, result: SearchResult) -> None:
    """The best policy beside no augmentation, and what to do with it."""
    from raynas.report import write_report

    history, objective = result.history, run.history.objective
    without = next((t for t in history.completed if t.architecture == run.space.baseline), None)
    for best in history.best(1):
        says = f"best: trial {best.number}, {objective.name} {objective.show(best.reward or 0.0)}"
        if without is not None:
            says += f" (without augmentation {objective.show(without.reward or 0.0)})"
        say(f"{says}: {best.architecture!r}")
        files = write_report(run.view(), run.folder)
        say(f"report: {files.page}")
        say(
            "The best of several trials is partly luck. To compare in full, make it a stage "
            "(docs/how-to/stages.md) and run `raynas train FILE:augmentation --top 1 --seeds 5`."
        )
