"""`raynas check`: whether a search space is one that a search can do well with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raynas.cli.load import Target, load_search
from raynas.cli.terminal import Terminal
from raynas.errors import ConfigurationError
from raynas.search import Search
from raynas.space import Space

if TYPE_CHECKING:
    from rich.console import Console

    from raynas.space.guidelines import Finding

__all__ = ["check", "warn_of_errors"]

_FOUND_ERRORS = 1
_STYLES = {"error": "bold red", "warning": "bold yellow", "advice": "bold cyan"}


def check(
    file: Target,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="Training setting to be searched all the same, as `learning_rate`."),
    ] = None,
    samples: Annotated[int, typer.Option(help="Combinations to draw and build.")] = 300,
) -> None:
    """Check the search space: what does not belong in it, its size, and what cannot be built.

    Exit code 1 where there are errors.
    """
    from rich.markup import escape

    from raynas.space.guidelines import check_guidelines, shown_size

    if samples < 1:
        raise ConfigurationError(f"samples={samples}: must be at least 1")
    search, name = load_search(file)
    space = Space.of(search.space)
    console = Terminal()
    with console.status(f"drawing {samples:,} combinations"):
        findings = check_guidelines(
            space, allow=(*search.allow, *(allow or ())), samples=samples, try_out=_builder(search)
        )
    console.print(f"[bold]{escape(search.name or name)}[/]: {shown_size(space.size)} architectures")
    _say(findings, console, samples)
    if any(finding.severity == "error" for finding in findings):
        console.print("Next: take the errors out of the space, or pass --allow NAME for each.")
        raise typer.Exit(_FOUND_ERRORS)


def warn_of_errors(search: Search, file: str) -> None:
    """Say in a line that the space of `search` has errors, where those cheap to find are there."""
    from rich.markup import escape

    from raynas.space.guidelines import check_guidelines

    findings = check_guidelines(Space.of(search.space), allow=search.allow, samples=0)
    errors = sum(finding.severity == "error" for finding in findings)
    if errors:
        number = "a training setting" if errors == 1 else f"{errors} training settings"
        Terminal().print(
            f"[bold yellow]Warning:[/] the space searches {number}, which spoils the comparison; "
            f"see raynas check {escape(file)}",
            soft_wrap=True,
        )


def _builder(search: Search) -> Callable[[Any], None] | None:
    """Builds an architecture's network; None where there are no networks, as in a table."""
    from raynas.tasks import LightningTask
    from raynas.tasks.example import build_of, innermost
    from raynas.tasks.profile import try_build

    if not hasattr(Space.of(search.space).root, "build") and not isinstance(
        search.task, LightningTask
    ):
        return None
    build = build_of(search.task)
    task = innermost(search.task)

    def try_out(architecture: Any) -> None:
        try_build(architecture, build)
        if isinstance(task, LightningTask) and task.pretrained:
            task.made(architecture)

    return try_out


def _say(findings: Sequence[Finding], console: Console, samples: int) -> None:
    from rich.table import Table
    from rich.text import Text

    if not findings:
        console.print(f"Nothing speaks against it; {samples:,} combinations were drawn and tried.")
        return
    table = Table.grid(padding=(0, 2, 1, 0))
    for finding in findings:
        table.add_row(Text(finding.severity, _STYLES[finding.severity]), Text(finding.message))
    console.print()
    console.print(table)
    counts = Counter(finding.severity for finding in findings)
    plurals = {"error": "errors", "warning": "warnings", "advice": "pieces of advice"}
    singular = {"error": "error", "warning": "warning", "advice": "piece of advice"}
    words = [f"{n} {(singular if n == 1 else plurals)[severity]}" for severity, n in counts.items()]
    console.print(f"{', '.join(words)}.")
