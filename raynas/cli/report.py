"""`raynas report`: what a search has found so far."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raynas.cli.search_file import Looked, chain_of, opened, searchable

if TYPE_CHECKING:
    from raynas.trials import History

__all__ = ["report"]


def report(
    file: Looked,
    name: Annotated[
        str | None, typer.Option(help="Open the search of this name; by default that of FILE.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Look for results in this folder; by default that of FILE.")
    ] = None,
    png: Annotated[bool, typer.Option("--png", help="Write each figure as PNG too.")] = False,
) -> None:
    """Write the report as an HTML page, and the trials as CSV and JSON; show the best.

    Of stages in a row, each has a page, and another one shows what each of them brought.
    The page needs no network. PNG files need the extra `png` and Chrome or Chromium.
    """
    from raynas.cli.progress import say_figures, say_report
    from raynas.report import write_report
    from raynas.report.sections import sections

    chain = chain_of(file, name, folder)
    for stage in () if chain is None else chain.begun[:-1]:
        with opened(f"{file}:{stage}", name, folder, whole=True) as run:
            write_report(run.view(), run.folder)
    with opened(file, name, folder, whole=True) as run:
        searched = searchable(file)
        view = replace(run.view(), target=searched, full=_trained(run.folder))
        parts = sections(view)
        files = write_report(view, run.folder, parts)
        say_report(run.history, run.stop(), files, searched)
        if png:
            from raynas.report.png import write_pngs

            say_figures(write_pngs(parts, run.folder / "figures"))
    if chain is not None:
        from raynas.cli.show_stages import say_stages, write_stages

        say_stages(chain, write_stages(chain))


def _trained(folder: Path) -> History | None:
    """The full trainings of the search in `folder`; None where `raynas train` has not run."""
    from raynas.stored import open_stored, read_snapshot

    kept = folder.with_name(f"{folder.name}-full")
    snapshot = read_snapshot(kept)
    if snapshot is None:
        return None
    trained = open_stored(snapshot, kept)
    try:
        return trained.history
    finally:
        trained.close()
