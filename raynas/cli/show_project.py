"""What `raynas plan` shows of the project around a search."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from raynas.preflight.project_plan import DeviceOffer, ProjectPlan
    from raynas.search_cost import Range

__all__ = ["project_fields", "say_project"]


def say_project(project: ProjectPlan, offers: Sequence[DeviceOffer], console: Console) -> None:
    """Print the phases, days against trials at a time, and the devices that were offered."""
    console.print(_phases(project))
    console.print(_by_parallel(project))
    if offers:
        console.print(_by_device(project, offers))
    upfront, usage = project.part("upfront"), project.part("usage")
    console.print(
        f"Before the first trial: {_range(upfront)} hours of trainings"
        f"{_for_money(project, upfront)}. The search and what follows: {_range(usage)} hours"
        f"{_for_money(project, usage)}."
    )
    smaller = project.smaller_first()
    console.print(
        "A smaller first space, which converges after a third of the trials: "
        f"{_range(smaller)} hours{_for_money(project, smaller)} for the search. `raynas refine` "
        "makes the next one of what it finds."
    )


def project_fields(project: ProjectPlan, offers: Sequence[DeviceOffer]) -> dict[str, Any]:
    """The project under names that stay; ranges have low, likely and high."""
    plain = dataclasses.asdict
    money = project.money(project.hours)
    return {
        "project": {
            "phases": [{**plain(phase), "days": plain(phase.days)} for phase in project.phases],
            "hours": plain(project.hours),
            "days": plain(project.days),
            "money": money and plain(money),
            "upfront_hours": plain(project.part("upfront")),
            "usage_hours": plain(project.part("usage")),
            "smaller_first_hours": plain(project.smaller_first()),
            "by_parallel": [
                {"parallel": count, "days": plain(days), "devices": devices}
                for count, days, devices in project.by_parallel()
            ],
            "by_device": [
                {**plain(one), "money": plain(cost), "days": plain(days)}
                for one, cost, days in project.by_device(offers)
            ],
        }
    }


def _phases(project: ProjectPlan) -> Table:
    table = Table(title="The whole project", title_justify="left")
    table.add_column("")
    for column in ("hours of trainings", "days", "cost"):
        table.add_column(column, justify="right")
    table.add_column("from")
    rows = [(one.name, one.hours, one.days, one.basis) for one in project.phases]
    for name, hours, days, basis in [*rows, ("all of it", project.hours, project.days, "")]:
        money = project.money(hours)
        table.add_row(name, _range(hours), _range(days), _range(money) if money else "", basis)
    return table


def _by_parallel(project: ProjectPlan) -> Table:
    unit = "GPUs" if project.search.gpu else "cores"
    table = Table(title="Days of the search by trials at a time", title_justify="left")
    table.add_column("trials at a time", justify="right")
    table.add_column("days", justify="right")
    table.add_column(f"{unit} (quota)", justify="right")
    for count, days, devices in project.by_parallel():
        mark = " *" if count == project.search.parallel else ""
        table.add_row(f"{count}{mark}", _range(days), str(devices))
    return table


def _by_device(project: ProjectPlan, offers: Sequence[DeviceOffer]) -> Table:
    table = Table(title="The project on each kind of device, cheapest first", title_justify="left")
    table.add_column("device")
    for column in ("price of an hour", "speed", "cost", "days"):
        table.add_column(column, justify="right")
    for one, cost, days in project.by_device(offers):
        table.add_row(one.name, f"{one.price:g}", f"{one.speed:g}x", _range(cost), _range(days))
    return table


def _for_money(project: ProjectPlan, hours: Range) -> str:
    money = project.money(hours)
    return f", {_number(money.likely)} in money" if money else ""


def _range(found: Range) -> str:
    if found.low == found.high:
        return _number(found.likely)
    return f"{_number(found.likely)} ({_number(found.low)} to {_number(found.high)})"


def _number(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.3g}"
