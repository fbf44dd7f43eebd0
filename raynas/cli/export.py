"""`raynas export`: the winner in hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from raynas.cli.search_file import Target, load_search
from raynas.cli.terminal import say

__all__ = ["export"]

_INCOMPLETE = 1


def export(
    file: Target,
    trial: Annotated[
        int | None, typer.Option(help="Trial of the search to export instead of the best.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Folder for the files; by default export/ in the results.")
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="weights, torch or onnx; can be given more than once."),
    ] = None,
    given: Annotated[
        str | None,
        typer.Option("--input", help="Shape of one example, as in 3,32,32, where data give none."),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace files in the folder that no export wrote."),
    ] = False,
    name: Annotated[str | None, typer.Option(help="Name that the search ran under.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder of the results.")] = None,
) -> None:
    """Write the best model: weights, architecture as JSON and as code, ONNX, torch.export.

    The best of the full trainings, or of the search where there are none: then without weights.
    Either may still be running. The code is run in a fresh process without the search, every other
    file is loaded back, and all are compared with the network. The exit code is 1 where the code,
    the weights of what was trained, or a file that --format asks for had to be left out.
    """
    from raynas.export import write_export
    from raynas.full_training import best_of
    from raynas.tasks.example_input import example_of_shape

    found, default_name = load_search(file)
    if name is not None:
        found = dataclasses.replace(found, name=name)
    if folder is not None:
        found = dataclasses.replace(found, folder=folder)
    with found.open(default_name, read_only=True) as run:
        best = best_of(found, run.name, run.history, trial)
        results = run.folder
    example = None if given is None else example_of_shape(given)
    chosen = tuple(formats) if formats else ("weights", "torch", "onnx")
    made = write_export(best, to or results / "export", chosen, example, replace=force)
    stage = "trained in full" if best.stage == 2 else "of the search"
    what = f"The best {stage}" if trial is None else f"Chosen, {stage}"
    shown = f"{best.objective.name} {best.objective.show(best.score)}"
    say(f"{what}: {best.label}, {shown}: {best.architecture!r}")
    for path in made.files.values():
        say(f"wrote {path}")
    for what, remark in made.remarks.items():
        say(f"{what}: {remark}")
    for what, reason in made.left_out.items():
        say(f"left out {what}: {reason}", err=what in made.missing)
    if made.missing or (formats and made.left_out):
        raise typer.Exit(_INCOMPLETE)
