"""`raynas plan`: what a search is going to cost, before a cent is spent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raynas.cli.load import Target, load_search

if TYPE_CHECKING:
    from rich.table import Table

    from raynas.plan import Plan, Range
    from raynas.search import Search

__all__ = ["plan"]


def plan(
    file: Target,
    trials: Annotated[float | None, typer.Option(help="Trials until it converges.")] = None,
    hours: Annotated[float | None, typer.Option(help="Hours of a trial.")] = None,
    parallel: Annotated[int | None, typer.Option(help="Trials at a time.")] = None,
    price: Annotated[
        float | None,
        typer.Option(help="Price of an hour of one GPU, or without GPUs of one core."),
    ] = None,
    full_hours: Annotated[float | None, typer.Option(help="Hours of a full training.")] = None,
    top: Annotated[int, typer.Option(help="Full trainings after the search.")] = 10,
    name: Annotated[str | None, typer.Option(help="Name that the search runs under.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder of the results.")] = None,
) -> None:
    """Plan cost and time, with ranges, and say what each stop rule would save.

    From measured figures where there are some: of the search's own trials, of raynas speed, of
    raynas baseline. The plan is kept, and the report shows what was spent beside it.
    """
    import dataclasses

    from rich.console import Console
    from rich.markup import escape
    from rich.text import Text

    from raynas.before.planning import plan_search
    from raynas.report.planned import save_plan

    search, default_name = load_search(file)
    search = dataclasses.replace(search, folder=search.folder if folder is None else folder)
    name = name or search.name or default_name
    made = plan_search(
        search,
        name,
        trials=trials,
        hours=hours,
        parallel=parallel,
        price=price,
        full_hours=full_hours,
        top=top,
    )
    save_plan(made, Path(search.folder).absolute() / name)
    console = Console(highlight=False, emoji=False)
    console.print(f"[bold]{escape(name)}[/]")
    console.print(Text(f"From {made.words}.\n"))
    console.print(_figures(made))
    console.print(_savings(made, search))
    if made.price is None:
        console.print("Give --price, that of a device hour, to see the cost in money.")
    if made.full_seconds is None:
        console.print("Run raynas baseline, or give --full-hours, to compare with full trainings.")


def _figures(made: Plan) -> Table:
    from rich.table import Table

    table = Table()
    table.add_column("")
    for column in ("low", "likely", "high"):
        table.add_column(column, justify="right")
    unit = "GPU" if made.gpu else "core"
    rows: list[tuple[str, Range | None, float, str]] = [
        ("trials until it converges", made.trials, 1, ",.0f"),
        ("seconds a trial", made.seconds, 1, ",.3g"),
        ("hours of all trials", made.busy, 1, ",.3g"),
        (f"{unit} hours", made.device_hours, 1, ",.3g"),
        ("in full trainings", made.full_equivalents, 1, ",.3g"),
        (f"days, {made.parallel} at a time", made.days, 1, ",.3g"),
        ("cost of the search", made.money, 1, ",.2f"),
    ]
    for label, found, scale, form in rows:
        if found is not None:
            figures = (found.low, found.likely, found.high)
            table.add_row(label, *(format(figure * scale, form) for figure in figures))
    stage2 = made.stage2_hours
    if stage2 is not None:
        table.add_row(
            f"hours of {made.full_trainings} full trainings after it", "", f"{stage2:,.3g}"
        )
        if made.price is not None:
            cost = stage2 * made.devices * made.price
            table.add_row("cost of these", "", f"{cost:,.2f}")
    if made.gpu:
        words = f"{made.parallel} x {made.gpu:g}"
        table.add_row(f"GPUs to reserve, {words}", "", str(made.gpus_reserved))
    return table


def _savings(made: Plan, search: Search) -> Table:
    from rich.table import Table

    table = Table(
        title=f"What stop rules save of the {made.limit:,} trials of the limit",
        title_justify="left",
    )
    table.add_column("rule")
    table.add_column("if")
    for column in ("ends at trial", "hours of trials", "saved"):
        table.add_column(column, justify="right")
    whole = made.hours_at(made.limit)
    rules = (*search.rules, *search.limits.rules(made.devices))
    for saving in made.savings(rules):
        spent = made.hours_at(saving.trials)
        saved = whole - spent
        money = "" if made.price is None else f", {saved * made.devices * made.price:,.2f}"
        table.add_row(
            saving.rule,
            saving.case,
            f"{saving.trials:,}",
            f"{spent:,.3g}",
            f"{saved:,.3g} h ({saved / whole:.0%}){money}",
        )
    return table
