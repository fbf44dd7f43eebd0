"""`raynas repair`: rebuild a damaged journal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from raynas.wording import counted

__all__ = ["repair"]

_console = Console(highlight=False, emoji=False, soft_wrap=True)
_JOURNAL = "journal.log"


def repair(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Repair this journal.log, or the one in this folder."),
    ],
) -> None:
    """Move a damaged journal aside and rebuild what can be proved; a whole one is left as it is."""
    from raynas.store.repair import repair_journal

    done = repair_journal(file / _JOURNAL if file.is_dir() else file)
    if done.aside is None:
        _console.print(f"{escape(str(done.path))} is whole: nothing was changed")
        return
    for damage in done.damage:
        _console.print(f"damage: {escape(damage)}")
    for lost in done.lost:
        _console.print(f"lost: {escape(lost)}")
    _console.print(
        f"{escape(str(done.path))} has {counted(done.trials, 'trial')} again, {done.ended} with an "
        f"outcome; the damaged file is {escape(str(done.aside))}. Run `raynas search` to go on."
    )
