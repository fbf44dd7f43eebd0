"""`raynas report`: what a search has found so far."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from raynas.cli.search_file import Looked, ResultsFolder, SearchName, chain_of, opened, searchable
from raynas.wording import as_typed

__all__ = ["report"]


def report(
    file: Looked,
    name: SearchName = None,
    folder: ResultsFolder = None,
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
        searched = as_typed(searchable(file), name, folder)
        view = replace(run.view(), target=searched)
        parts = sections(view)
        files = write_report(view, run.folder, parts)
        say_report(run.history, run.stop(), files, searched)
        if png:
            from raynas.report.png import write_pngs

            say_figures(write_pngs(parts, run.folder / "figures"))
    if chain is not None:
        from raynas.cli.show_stages import say_stages, write_stages

        say_stages(chain, write_stages(chain))
