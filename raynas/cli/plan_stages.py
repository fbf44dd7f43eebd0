"""What `raynas plan` shows of stages in a row: the plan of each that can be built by now."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raynas.cli.search_file import chain_of
from raynas.errors import RaynasError
from raynas.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

    from raynas.search_cost import Range, SearchPlan

__all__ = ["StagePlan", "planned_stages", "say_stage_plans", "stage_fields"]


@dataclass(frozen=True)
class StagePlan:
    """The plan of a stage.

    Attributes:
        stage: Name of the stage.
        plan: Plan of the stage, from its measurements; None while it cannot be built.
        reason: Why it cannot.
    """

    stage: str
    plan: SearchPlan | None
    reason: str = ""


def planned_stages(file: str, folder: Path | None) -> list[StagePlan]:
    """The plans of the stages of `file`; empty where it has none, or names one of them."""
    from raynas.preflight.search_plan import plan_search

    chain = chain_of(file, None, folder)
    found: list[StagePlan] = []
    for name in () if chain is None else chain.names:
        assert chain is not None  # noqa: S101 - as it has names
        try:
            search = chain.build(name).search
            found.append(StagePlan(name, plan_search(search, search.name or name)))
        except RaynasError as error:
            found.append(StagePlan(name, None, str(error)))
    return found


def say_stage_plans(stages: list[StagePlan], name: str, console: Console) -> None:
    """Print a row for each stage; `name` is the search whose plan follows."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=f"The {counted(len(stages), 'stage')}", title_justify="left")
    table.add_column("stage")
    for column in ("trials", "hours of all trials", "days", "cost"):
        table.add_column(column, justify="right")
    table.add_column("from", overflow="fold")
    for one in stages:
        if one.plan is None:
            table.add_row(one.stage, "", "", "", "", Text(f"not known yet: {one.reason}"))
            continue
        plan = one.plan
        cells = (_likely(part) for part in (plan.trials, plan.busy, plan.days, plan.money))
        table.add_row(one.stage, *cells, Text(plan.words))
    console.print(table)
    console.print(
        f"The plan of {name} follows; `raynas plan FILE:STAGE` shows that of another stage, and "
        "takes figures for it.\n",
        markup=False,
        soft_wrap=True,
    )


def stage_fields(stages: list[StagePlan]) -> dict[str, Any]:
    """The stages under names that stay; ranges have low, likely and high."""
    if not stages:
        return {}
    found = []
    for one in stages:
        parts = {} if one.plan is None else {
            name: part and dataclasses.asdict(part)
            for name in ("trials", "busy", "days", "money")
            for part in (getattr(one.plan, name),)
        }  # fmt: skip
        found.append({"stage": one.stage, "reason": one.reason, **parts})
    return {"stages": found}


def _likely(found: Range | None) -> str:
    if found is None:
        return ""
    return f"{found.likely:,.0f}" if found.likely >= 100 else f"{found.likely:.3g}"
