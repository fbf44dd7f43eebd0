"""`raynas refine`: what to search next."""

from __future__ import annotations

import keyword
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from raynas.cli.search_file import ResultsFolder, SearchName, Target, module_name, run_of
from raynas.cli.terminal import Terminal, say
from raynas.errors import ConfigurationError
from raynas.wording import counted

if TYPE_CHECKING:
    from raynas.refine import Refinement
    from raynas.search import SearchRun

__all__ = ["refine"]


def refine(
    file: Target,
    to: Annotated[
        Path | None, typer.Option(help="Write the code to this new Python file, beside FILE.")
    ] = None,
    name: SearchName = None,
    folder: ResultsFolder = None,
) -> None:
    """Propose the space to search next, from what this search found, as Python code.

    Says what it drops, narrows or extends, on what evidence and at what risk. The new search
    begins with what this one knows of the architectures that both spaces have.
    """
    from raynas.refine import refined

    with run_of(file, name, folder) as run:
        proposal = refined(run.history, run.space)
        _say(proposal, len(run.history.completed))
        if not proposal.changes:
            return
        code = _module_of(file, run, proposal)
    if to is None:
        say(f"\n{code}")
        return
    try:
        with to.open("x", encoding="utf-8") as new:
            new.write(code)
    except FileExistsError:
        raise ConfigurationError(
            f"--to {to}: there is such a file already; give a new name"
        ) from None
    search = f"raynas search {shlex.quote(str(to))}"
    say(f"wrote {to}: `{search}` searches it, knowing what is known already")


def _say(proposal: Refinement, trials: int) -> None:
    console = Terminal(soft_wrap=True)
    for left in proposal.left:
        console.print(Text(f"Left as it is: {left}, with what it contains."))
    if not proposal.changes:
        console.print(
            f"After {counted(trials, 'completed trial')} nothing speaks for another space."
        )
        return
    console.print(f"After {counted(trials, 'completed trial')}:")
    for change in proposal.changes:
        console.print(Text(f"{change.place}: {change.what}", "bold"))
        console.print(Text(f"  because {change.evidence}"))
        console.print(Text(f"  risk: {change.risk}"))


def _module_of(target: str, run: SearchRun, proposal: Refinement) -> str:
    from raynas.refine import declarations

    place = target.partition(":")[0]
    local = module_name(place)
    importable = Path(place).stem if place.endswith(".py") else place
    known = vars(sys.modules[local])
    variable = target.partition(":")[2] or next(
        (key for key in ("search", *known) if type(known.get(key)) is type(run.search)), "search"
    )
    plain = all(map(_is_name, importable.split(".")))
    bring = (
        f"import {importable} as before"
        if plain
        else f"import importlib\n\nbefore = importlib.import_module({importable!r})"
    )
    trials = counted(len(run.history.completed), "trial")
    title = f"What `raynas refine {shlex.quote(target)}` proposes after {trials}."
    return _TEMPLATE.format(
        title=repr(title)[1:-1].replace('"', "'"),
        bring=bring,
        classes=declarations(proposal, "before", local),
        variable=variable,
        name=run.name,
        new_name=f"{run.name}-refined",
        folder=str(run.search.folder),
        root=proposal.root.__name__,
    )


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


_TEMPLATE = '''"""{title}

The earlier search has to stay where it is: its file, and its results, which this one begins with.
"""

from __future__ import annotations

import dataclasses

{bring}
from raynas import Space
from raynas.controllers import WarmStart, make_controller
from raynas.refine import carried
{classes}

earlier = dataclasses.replace(before.{variable}, name={name!r}, folder={folder!r})
with earlier.open(read_only=True) as run:
    known = carried(run.history, Space({root}))


def controller(space):
    """That of the earlier search, which begins with what is known."""
    chosen = make_controller(earlier.controller, space)
    return WarmStart(chosen, earlier=known) if known else chosen


search = dataclasses.replace(
    earlier, space={root}, controller=controller, name={new_name!r}
)
'''
