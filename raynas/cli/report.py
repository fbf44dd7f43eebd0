"""`raynas report`: what a search has found so far."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from raynas.cli.search_file import Target, opened

__all__ = ["report"]


def report(
    file: Target,
    name: Annotated[str | None, typer.Option(help="Name that the search ran under.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder of the results.")] = None,
    png: Annotated[bool, typer.Option("--png", help="Write each figure as PNG too.")] = False,
) -> None:
    """Write the report as an HTML page, and the trials as CSV and JSON; show the best.

    The page needs no network. PNG files need the extra `png` and Chrome or Chromium.
    """
    from raynas.cli.progress import say_figures, say_report
    from raynas.full_training.stage2 import trained_of
    from raynas.report import write_report
    from raynas.report.png import write_pngs
    from raynas.report.sections import sections

    with opened(file, name, folder) as run:
        full, _ = trained_of(run.search, run.name)
        view = dataclasses.replace(run.view(), full=full if len(full) else None)
        parts = sections(view)
        files = write_report(view, run.folder, parts)
        say_report(run.history, run.stop(), files, file, run.reward.axes)
        if png:
            say_figures(write_pngs(parts, run.folder / "figures"))
