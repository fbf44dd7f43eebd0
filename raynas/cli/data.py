"""`raynas data`: whether the data are fit for an architecture search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raynas.cli.search_file import ResultsFolder, SearchName, Target, load_search
from raynas.cli.terminal import Terminal
from raynas.wording import as_typed, counted, typed

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from raynas.preflight import DataFitness
    from raynas.preflight.distribution_shift import Difference

__all__ = ["data"]

_NOT_ADVISED = 1  # exit status
_CLASSES_SHOWN = 20  # rows, a screen: the most frequent and the rarest
_STYLES = {"error": "bold red", "warning": "bold yellow", "advice": "bold cyan"}


def data(
    file: Target,
    examples: Annotated[
        int, typer.Option(help="Read at most this many examples of each data set.")
    ] = 50_000,
    seconds: Annotated[
        float, typer.Option(help="Read each data set for at most this many seconds.")
    ] = 120.0,
    patience: Annotated[
        float, typer.Option(help="Give up on an example after this many seconds.")
    ] = 60.0,
    name: SearchName = None,
    folder: ResultsFolder = None,
) -> None:
    """Look at the data: class counts, balance, duplicates, and whether stage 1's part is typical.

    Says where an architecture search is not advised, and what is; the exit code is 1 then.
    """
    from rich.markup import escape

    from raynas.cli.working import working
    from raynas.preflight import check_data

    search, default_name = load_search(file)
    target = as_typed(file, name, folder)
    name = name or search.name or default_name
    console = Terminal()
    with working(console, "looking at the data", f"(each set: {seconds:g} s at most)") as say:
        found = check_data(search, examples=examples, seconds=seconds, patience=patience, say=say)
    console.print(f"[bold]{escape(name)}[/]: targets are {_KINDS[found.kind]}\n")
    console.print(_sizes(found))
    if found.classes:
        console.print(_classes(found))
    console.print(_comparisons(found))
    _say_findings(found, console, target)
    found.save(Path(folder or search.folder).expanduser().absolute() / name)
    if not found.advised:
        raise typer.Exit(_NOT_ADVISED)


_KINDS = {
    "classes": "classes",
    "regression": "numbers (regression)",
    "multi-label": "several labels an example",
    "sequence": "sequences or masks, whose classes are not counted",
    "missing": "missing",
}


def _sizes(found: DataFitness) -> Table:
    from rich.table import Table

    table = Table()
    table.add_column("part")
    columns = ["examples"]
    if found.classes:
        columns += ["classes", "smallest", "largest", "largest / smallest"]
    for column in columns:
        table.add_column(column, justify="right")
    for part in found.parts:
        row = [f"{part.size:,}"]
        if part.counts:
            least, most = min(part.counts), max(part.counts)
            present = sum(count > 0 for count in part.counts)
            ratio = f"{most / least:.2f}" if least else "-"
            row += [f"{present:,}", f"{least:,}", f"{most:,}", ratio]
        table.add_row(part.name, *row)
    return table


def _classes(found: DataFitness) -> Table:
    """A row a class, rarest first; only the rarest and the most frequent where there are many."""
    from rich.table import Table

    table = Table()
    table.add_column("label" if found.kind == "multi-label" else "class", justify="right")
    for part in found.parts:
        table.add_column(part.name, justify="right")
    counts = next((part.counts for part in found.parts if part.counts), ())
    order = sorted(range(len(counts)), key=counts.__getitem__)
    half = _CLASSES_SHOWN // 2
    for count, k in enumerate(order):
        if len(order) > _CLASSES_SHOWN and half <= count < len(order) - half:
            if count == half:
                table.add_row("…")
            continue
        cells = (
            f"{part.counts[k]:,} ({part.counts[k] / part.size:.1%})" if part.counts else ""
            for part in found.parts
        )
        table.add_row(str(found.classes[k]), *cells)
    return table


def _comparisons(found: DataFitness) -> Table:
    from rich.table import Table

    table = Table()
    for column in ("compared", "result", "how"):
        table.add_column(column, overflow="fold")
    for duplicates in found.duplicates:
        other = f", {duplicates.contradicting:,} of another class" if found.classes else ""
        table.add_row(
            f"duplicates: {duplicates.where}",
            f"{duplicates.count:,} of {duplicates.of:,} read{other}",
            "inputs equal to the bit",
        )
    for label, difference in (("targets", found.targets), ("inputs", found.inputs)):
        table.add_row(
            f"{label}: stage 1's validation part and the validation set", *_difference(difference)
        )
    return table


def _difference(found: Difference | None) -> tuple[str, str]:
    if found is None:
        return "not compared", "too few, or of different kinds or shapes"
    one, other = found.sizes
    return (
        f"{found.verdict}: effect {found.effect:.2f}, p = {found.p:.2g}",
        f"{found.test}; {one:,} and {counted(other, 'example')}; from {found.noticeable} on "
        "noticeable",
    )


def _say_findings(found: DataFitness, console: Console, target: str) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 1, 0))
    for finding in found.findings:
        message = typed(finding.message, target)
        table.add_row(Text(finding.severity, _STYLES[finding.severity]), Text(message))
    console.print()
    if found.findings:
        console.print(table)
    warnings = sum(finding.severity == "warning" for finding in found.findings)
    if not found.advised:
        console.print("[bold red]An architecture search on these data is not advised.[/]")
    elif warnings:
        console.print(
            f"[bold yellow]{counted(warnings, 'warning')} above: heed "
            f"{'it' if warnings == 1 else 'them'} before an architecture search.[/]"
        )
    else:
        console.print("[bold]Nothing in the data speaks against an architecture search.[/]")
