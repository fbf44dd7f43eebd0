"""`raynas speed`: how fast architectures train on this machine, and what to set because of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from raynas.cli.search_file import ResultsFolder, SearchName, Target, load_search
from raynas.cli.terminal import Terminal

__all__ = ["speed"]

_NONE_FITS = 1  # exit status


def speed(
    file: Target,
    seconds: Annotated[float, typer.Option(help="Time each case for this many seconds.")] = 1.0,
    minutes: Annotated[
        float, typer.Option(help="Begin no measurement after this many minutes.")
    ] = 10.0,
    step_seconds: Annotated[
        float, typer.Option(help="Stop doubling the batch once a step takes this many seconds.")
    ] = 5.0,
    patience: Annotated[
        float, typer.Option(help="Give up on a case after this many seconds.")
    ] = 120.0,
    max_batch: Annotated[
        int | None,
        typer.Option(help="Try batches up to this size; by default the examples of an epoch."),
    ] = None,
    compiled: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Try torch.compile.")
    ] = True,
    target: Annotated[
        float | None,
        typer.Option(
            help="Find the critical batch size instead, by the steps to this value of the metric."
        ),
    ] = None,
    batches: Annotated[
        str, typer.Option(help="Try these batch sizes with --target.")
    ] = "8,16,32,64,128,256,512",
    scaling: Annotated[
        str,
        typer.Option(help="Scale learning rates with the batch for --target: linear or sqrt."),
    ] = "linear",
    cpu: Annotated[
        bool, typer.Option("--cpu", help="Measure the CPU even if there is a GPU.")
    ] = False,
    name: SearchName = None,
    folder: ResultsFolder = None,
) -> None:
    """Measure training speed: batch sizes by doubling, data loading, precision, torch.compile.

    Measures the baseline and the median and largest architecture of a sample, on the GPU if there
    is one. Recommends batch size, precision, loader workers and how many trials share a device. Run
    it where nothing else runs. With --target, trainings at several batch sizes, each with its
    learning rate scaled and tuned a little, show from which size on returns fall. The exit code is
    1 where no batch size fits for all.
    """
    from raynas.cli.show_speed import say_speed
    from raynas.cli.working import working
    from raynas.preflight.speed import measure_speed

    search, default_name = load_search(file)
    name = name or search.name or default_name
    console = Terminal()
    place = Path(folder or search.folder).expanduser().absolute() / name
    if target is not None:
        from raynas.cli.critical_batch import find_critical_batch

        find_critical_batch(search, target, batches, scaling, place, console, cpu=cpu)
        return
    with working(console, "measuring", f"(nothing new begins after {minutes:g} min)") as say:
        found = measure_speed(
            search,
            seconds=seconds,
            minutes=minutes,
            step_seconds=step_seconds,
            patience=patience,
            most=max_batch,
            compiled=compiled,
            cpu=cpu,
            say=say,
        )
    found.save(place)
    say_speed(found, search, name, console)
    if found.recommended is None:
        raise typer.Exit(_NONE_FITS)
