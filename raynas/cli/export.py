"""`raynas export`: the winner in hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raynas.cli.search_file import ResultsFolder, SearchName, Target, load_search
from raynas.cli.terminal import say

if TYPE_CHECKING:
    from raynas.export.write import ExportFiles
    from raynas.full_training import Best

__all__ = ["export"]

_INCOMPLETE = 1  # exit status


def export(
    file: Target,
    to: Annotated[
        Path | None,
        typer.Option(help="Write the files to this folder; by default to export/ in the results."),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="Write only this format: weights, torch or onnx. Repeatable.",
        ),
    ] = None,
    given: Annotated[
        str | None,
        typer.Option(
            "--input", help="Use this shape of one example, such as 3,32,32, if the data give none."
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace files in the folder that no export wrote."),
    ] = False,
    trial: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="Export the trial of this number. Repeatable."),
    ] = None,
    at_most: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=LIMIT",
            help="Export the best within this limit, such as latency_p50=2ms or "
            "parameters=25k. Repeatable: all limits hold.",
        ),
    ] = None,
    knee: Annotated[
        bool, typer.Option("--knee", help="Export the knee of the front of several objectives.")
    ] = False,
    name: SearchName = None,
    folder: ResultsFolder = None,
) -> None:
    """Write the best model: weights, architecture as JSON and as code, ONNX, torch.export.

    Exports the best of the full trainings; if there are none, the best of the search, without
    weights. Both may still be running. --trial, --at-most and --knee choose other architectures;
    if these are several, each gets a folder trial-N. The exported code is run in a fresh process
    without the search file, every other file is loaded back, and all are compared with the
    network. The exit code is 1 if the code, the weights of a trained network or a file that
    --format asks for had to be left out.
    """
    from raynas.analysis.units import parsed_limit
    from raynas.export import write_export
    from raynas.full_training import best_of
    from raynas.full_training.picking import picked
    from raynas.tasks.example_input import example_of_shape

    limits = dict(map(parsed_limit, at_most or ()))
    found, default_name = load_search(file, name, folder)
    with found.look(default_name) as run:
        chosen_ones = (
            picked(found, run.name, run.history, trials=trial or (), at_most=limits, knee=knee)
            if trial or limits or knee
            else [best_of(found, run.name, run.history)]
        )
        results = run.folder
    example = None if given is None else example_of_shape(given)
    chosen = tuple(formats) if formats else ("weights", "torch", "onnx")
    target = to or results / "export"
    incomplete = False
    for best in chosen_ones:
        place = target if len(chosen_ones) == 1 else target / _folder_of(best)
        made = write_export(best, place, chosen, example, replace=force)
        _say(best, made, picked_out=bool(trial or limits or knee))
        incomplete |= bool(made.missing or (formats and made.left_out))
    if incomplete:
        raise typer.Exit(_INCOMPLETE)


def _folder_of(best: Best) -> str:
    return "baseline" if best.trial is None else f"trial-{best.trial}"


def _say(best: Best, made: ExportFiles, picked_out: bool) -> None:
    """Say what was written of an architecture, and what was left out."""
    stage = "trained in full" if best.stage == 2 else "of the search"
    objectives = best.objectives_shown
    which = "The best" if len(objectives) == 1 else f"The one of best {objectives[0].name},"
    what = f"Chosen, {stage}" if picked_out else f"{which} {stage}"
    say(f"{what}: {best.label}, {best.shown}: {best.architecture!r}")
    for path in made.files.values():
        say(f"wrote {path}")
    for part, remark in made.remarks.items():
        say(f"{part}: {remark}")
    for part, reason in made.left_out.items():
        say(f"left out {part}: {reason}", err=part in made.missing)
