"""`raynas plan`: what a search is going to cost, before a cent is spent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raynas.cli.as_json import AsJson, say_json
from raynas.cli.search_file import ResultsFolder, SearchName, Target, load_search
from raynas.cli.terminal import Terminal
from raynas.wording import counted

if TYPE_CHECKING:
    from rich.table import Table

    from raynas.search import Search
    from raynas.search_cost import Range, Saving, SearchPlan

__all__ = ["plan"]

_LIMITS = ("time limit", "device time limit", "money limit", "training limit")


def plan(
    file: Target,
    as_json: AsJson = False,
    trials: Annotated[
        float | None, typer.Option(help="Expect the search to take this many trials.")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(help="Expect a trial to take this many hours.")
    ] = None,
    parallel: Annotated[
        int | None, typer.Option(help="Run this many trials at a time; by default as many as fit.")
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(help="Count this price for an hour of one GPU, or of one core without GPUs."),
    ] = None,
    full_hours: Annotated[
        float | None, typer.Option(help="Expect a full training to take this many hours.")
    ] = None,
    top: Annotated[int, typer.Option(help="Plan this many full trainings after the search.")] = 10,
    name: SearchName = None,
    folder: ResultsFolder = None,
    policies: Annotated[
        float | None,
        typer.Option(
            help="Expect a search over augmentation to take this many trials; 0 for none."
        ),
    ] = None,
    start_minutes: Annotated[
        float | None, typer.Option(help="Expect this many minutes until the first trial runs.")
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:PRICE[:SPEED]",
            help="Compare this kind of device: its name, its price per hour, and its speed as a "
            "multiple of the measured device's. Repeatable.",
        ),
    ] = None,
) -> None:
    """Plan cost and time, with ranges, and say what each stop rule would save.

    Uses measured figures if there are any: from trials of the search, from `raynas speed` and from
    `raynas baseline`. The plan is kept, and the report shows it beside what was spent.
    """
    import dataclasses

    from rich.markup import escape
    from rich.text import Text

    from raynas.analysis.recorded_plan import save_plan
    from raynas.cli.plan_stages import planned_stages, say_stage_plans, stage_fields
    from raynas.cli.show_project import project_fields, say_project
    from raynas.preflight.project_plan import parsed_offer, plan_project
    from raynas.preflight.search_plan import plan_search

    search, default_name = load_search(file)
    stages = planned_stages(file, folder)
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
    offers = [parsed_offer(text) for text in device or ()]
    project = plan_project(made, policies=policies, start_minutes=start_minutes)
    save_plan(made, Path(search.folder).absolute() / name)
    if as_json:
        fields = {**_fields(made, name, search), **project_fields(project, offers)}
        say_json({**fields, **stage_fields(stages)})
        return
    console = Terminal()
    if stages:
        say_stage_plans(stages, name, console)
    console.print(f"[bold]{escape(name)}[/]")
    console.print(Text(f"From {made.words}.\n"))
    console.print(_figures(made))
    savings = made.savings((*search.rules, *search.limits.rules(made.devices)))
    console.print(_savings(made, savings))
    for saving in savings:
        if saving.rule in _LIMITS and saving.trials < made.trials.likely:
            console.print(
                f"[yellow]Warning:[/] the {saving.rule} ends it at trial {saving.trials:,}, before "
                f"the {counted(round(made.trials.likely), 'trial')} that it is likely to need."
            )
    say_project(project, offers, console)
    if made.price is None and not offers:
        unit = "GPU" if made.gpu else "core"
        console.print(f"To see what it costs: --price, of an hour of one {unit}.")
    if made.full_seconds is None:
        console.print("Run raynas baseline, or give --full-hours, to compare with full trainings.")


def _fields(made: SearchPlan, name: str, search: Search) -> dict[str, Any]:
    """The plan under the names that stay; ranges have low, likely and high."""
    import dataclasses

    ranges = ("trials", "seconds", "busy", "device_hours", "days", "money", "full_equivalents")
    found = {key: getattr(made, key) for key in ranges}
    savings = made.savings((*search.rules, *search.limits.rules(made.devices)))
    return {
        "name": name,
        **{key: value and dataclasses.asdict(value) for key, value in found.items()},
        "parallel": made.parallel,
        "limit": made.limit,
        "gpu": made.gpu,
        "cpu": made.cpu,
        "price": made.price,
        "full_trainings": made.full_trainings,
        "full_hours": made.stage2_hours,
        "savings": [{"rule": saving.rule, "trials": saving.trials} for saving in savings],
        "words": made.words,
    }


def _figures(made: SearchPlan) -> Table:
    from rich.table import Table

    from raynas.wording import duration

    table = Table()
    table.add_column("")
    for column in ("low", "likely", "high"):
        table.add_column(column, justify="right")
    unit = "GPU" if made.gpu else "core"
    rows: list[tuple[str, Range | None, Callable[[float], str]]] = [
        ("trials", made.trials, lambda figure: f"{figure:,.0f}"),
        ("a trial", made.seconds, duration),
        ("hours of all trials", made.busy, _number),
        (f"{unit} hours", made.device_hours, _number),
        ("in full trainings", made.full_equivalents, _number),
        (f"days, {made.parallel} at a time", made.days, _number),
        ("cost of the search", made.money, lambda figure: f"{figure:,.2f}"),
    ]
    for label, found, shown in rows:
        if found is not None:
            table.add_row(label, shown(found.low), shown(found.likely), shown(found.high))
    stage2 = made.stage2_hours
    if stage2 is not None:
        label = f"hours of {counted(made.full_trainings, 'full training')} after it"
        table.add_row(label, "", _number(stage2))
        if made.price is not None:
            cost = stage2 * made.devices * made.price
            table.add_row("cost of these", "", f"{cost:,.2f}")
    if made.gpu:
        words = f"{made.parallel} x {made.gpu:g}"
        table.add_row(f"GPUs to reserve, {words}", "", str(made.gpus_reserved))
    return table


def _savings(made: SearchPlan, savings: tuple[Saving, ...]) -> Table:
    from rich.table import Table

    table = Table(
        title=f"What stop rules save of the {counted(made.limit, 'trial')} of the limit",
        title_justify="left",
    )
    table.add_column("rule")
    table.add_column("if")
    for column in ("ends at trial", "hours of trials", "saved"):
        table.add_column(column, justify="right")
    whole = made.hours_at(made.limit)
    for saving in savings:
        if saving.trials >= made.limit and saving.rule != "trial limit":
            table.add_row(saving.rule, saving.case, "not before", "", "")
            continue
        spent = made.hours_at(saving.trials)
        saved = whole - spent
        money = "" if made.price is None else f", {saved * made.devices * made.price:,.2f}"
        table.add_row(
            saving.rule,
            saving.case,
            f"{saving.trials:,}",
            _number(spent),
            f"{_number(saved)} h ({saved / whole:.0%}){money}",
        )
    return table


def _number(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"
