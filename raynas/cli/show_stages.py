"""What the commands show of stages in a row, and the page that they write."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raynas.cli.terminal import Terminal
from raynas.report.stages import Standing, stage_table, stages_page
from raynas.wording import counted

if TYPE_CHECKING:
    from raynas.stages import StageChain

__all__ = ["say_stages", "stage_fields", "standings", "write_stages"]

_PAGE = "report.html"
_SHOWN = ("stage", "trials", "began with", "best", "gain", "in full", "state")
_COLUMNS = (0, 2, 4, 5, 6, 7, 8)  # those of the results that fit 80 columns


def standings(chain: StageChain) -> list[Standing]:
    """The stages of `chain` as they stand."""
    return [_standing(chain, name) for name in chain.names]


def write_stages(chain: StageChain) -> Path:
    """Write the page of the chain to its folder.

    Raises:
        RaynasError: It cannot be written.
        OSError: The folder cannot be written.
    """
    from raynas.analysis.saved_results import replace_text

    path = chain.folder / _PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_text(path, stages_page(chain.name, standings(chain), time.time()))
    return path


def say_stages(chain: StageChain, page: Path | None = None) -> None:
    """Print what each stage brought."""
    from rich.table import Table
    from rich.text import Text

    console = Terminal()
    table = Table(title=f"Stages of {chain.name}", title_style="bold")
    for place, column in enumerate(_SHOWN):
        table.add_column(column, justify="left" if place in (0, len(_SHOWN) - 1) else "right")
    for row in stage_table(standings(chain)):
        table.add_row(*(Text(row[place]) for place in _COLUMNS))
    console.print(table)
    if page is not None:
        console.print(f"Stages:     {page}", soft_wrap=True, markup=False)


def stage_fields(chain: StageChain) -> list[dict[str, Any]]:
    """The stages for programs: figures in the user's units, under names that stay."""
    return [
        {
            "stage": one.name,
            "built_on": one.built_on,
            "trials": 0 if one.view is None else len(one.view.history.ended),
            "metric": None if one.view is None else one.objective.name,
            "began_with": None if one.began_with is None else one.objective.figure(one.began_with),
            "best": None if one.best is None else one.objective.figure(one.best),
            "gain": one.gain,
            "state": one.state,
        }
        for one in standings(chain)
    ]


def _standing(chain: StageChain, name: str) -> Standing:
    import dataclasses

    from raynas.search import KEPT

    if name not in chain.begun:
        return Standing(name, None)
    built, result = chain.build(name), chain.result(name)
    as_stored = dataclasses.replace(built.search, keep=KEPT, again=False)
    with as_stored.open(read_only=True) as run:
        view = run.view()
    first = None if result.incumbent is None else result.trial_of(result.incumbent)
    words = ", ".join(
        f"{one} ({counted(basis.trials, 'trial')}"
        + (f", {counted(basis.trained, 'full training')})" if basis.trained else ")")
        for one, basis in built.basis.items()
    )
    return Standing(name, view, None if first is None else first.reward, words, result.rows)
