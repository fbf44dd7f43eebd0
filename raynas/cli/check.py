"""`raynas check`: whether a search space is one that a search can do well with."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from raynas.cli.search_file import Target, load_search
from raynas.cli.terminal import Terminal
from raynas.errors import ConfigurationError
from raynas.search import Search
from raynas.space import Space
from raynas.tasks import Task
from raynas.wording import counted

if TYPE_CHECKING:
    from rich.console import Console

    from raynas.space.guidelines import Finding

__all__ = ["check", "check_first", "say_problems", "warn_of_errors"]

_FOUND_ERRORS = 1  # exit status
_PROBLEM = "problem: "
_RESULTS = {"holds": "green", "problem": "bold red", "note": "bold yellow"}
_STYLES = {"error": "bold red", "warning": "bold yellow", "advice": "bold cyan"}


def check(
    file: Target,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Allow this training setting, such as `learning_rate`, in the search space. "
            "Repeatable.",
        ),
    ] = None,
    samples: Annotated[int, typer.Option(help="Draw and build this many architectures.")] = 300,
    train: Annotated[
        bool, typer.Option(help="Train a few architectures for one step, as trials would.")
    ] = True,
) -> None:
    """Check the search space, and train a few architectures for a step each.

    Reports the size of the space, what does not belong in it and what cannot be built. Then trains
    and validates the baseline and the smallest, the largest and a random architecture, with
    callbacks and schedulers, and checks that the reward finds its metrics and that the task can be
    sent to worker processes. The exit code is 1 if there are errors.
    """
    from rich.markup import escape

    from raynas.space.guidelines import check_guidelines
    from raynas.wording import shown_architectures

    if samples < 1:
        raise ConfigurationError(f"samples={samples}: must be at least 1")
    search, name = load_search(file)
    space = Space.of(search.space)
    console = Terminal()
    with console.status(f"drawing {counted(samples, 'combination')}"):
        findings = check_guidelines(
            space, allow=(*search.allow, *(allow or ())), samples=samples, try_out=_builder(search)
        )
    console.print(f"[bold]{escape(search.name or name)}[/]: {shown_architectures(space.size)}")
    _say(findings, console, samples)
    errors = any(finding.severity == "error" for finding in findings)
    if errors:
        console.print("Next: take the errors out of the space, or pass --allow NAME for each.")
    if train and _trains(search.task):
        errors = _say_dry_run(search, console) or errors
    if errors:
        raise typer.Exit(_FOUND_ERRORS)


def check_first(file: str, search: Search) -> None:
    """Train one architecture of `search` for a step, in a process of its own, before its trials.

    Raises:
        ConfigurationError: Something would end every trial; it says what, and what to do.
    """
    if not _trains(search.task) or os.environ.get("RAY_ADDRESS"):
        return
    code = "import sys; from raynas.cli.check import say_problems; say_problems(sys.argv[1])"
    done = subprocess.run(  # noqa: S603 - this Python and our own code
        [sys.executable, "-c", code, file], capture_output=True, text=True, check=False
    )
    problems = [line for line in done.stdout.splitlines() if line.startswith(_PROBLEM)]
    if problems:
        words = "; ".join(line.removeprefix(_PROBLEM) for line in problems)
        check = f"raynas check {shlex.quote(file)}"
        raise ConfigurationError(
            f"before the first trial, a training step was tried: {words}. `{check}` tries more; "
            "--no-check starts the search all the same"
        )


def say_problems(file: str) -> None:
    """Print a line for each problem of a quick dry run; called in a process of its own."""
    from raynas.preflight.dry_run import dry_run

    for one in dry_run(load_search(file)[0], quick=True):
        if one.result == "problem":
            sys.stdout.write(f"{_PROBLEM}{one.what}: {' '.join(one.words.split())}\n")


def _trains(task: object) -> bool:
    from raynas.tasks import LightningTask
    from raynas.tasks.example_input import innermost

    return isinstance(task, Task) and isinstance(innermost(task), LightningTask)


def _say_dry_run(search: Search, console: Console) -> bool:
    """Print what a dry run finds; returns whether there are problems."""
    from rich.table import Table
    from rich.text import Text

    from raynas.preflight.dry_run import dry_run

    with console.status("training for a step") as status:
        found = dry_run(search, say=status.update)
    table = Table.grid(padding=(0, 2, 0, 0))
    rows: dict[tuple[str, str], list[str]] = {}
    for one in found:
        rows.setdefault((one.result, one.words), []).append(one.what)
    for (result, words), subjects in rows.items():
        table.add_row(Text(result, _RESULTS[result]), Text("\n".join(subjects)), Text(words))
    console.print()
    console.print(table)
    problems = sum(result == "problem" for result, _ in rows)
    if problems:
        console.print(
            f"{counted(problems, 'problem')} would end trials. Fix this, then run the same command "
            "again."
        )
    return problems > 0


def warn_of_errors(search: Search, file: str) -> None:
    """Say in a line that the space of `search` has errors, where those cheap to find are there."""
    from rich.markup import escape

    from raynas.space.guidelines import check_guidelines

    findings = check_guidelines(Space.of(search.space), allow=search.allow, samples=0)
    errors = sum(finding.severity == "error" for finding in findings)
    if errors:
        number = counted(errors, "training setting")
        Terminal().print(
            f"[bold yellow]Warning:[/] the space searches {number}, which spoils the comparison; "
            f"see raynas check {escape(shlex.quote(file))}",
            soft_wrap=True,
        )


def _builder(search: Search) -> Callable[[Any], None] | None:
    """Builds an architecture's network; None where there are no networks, as in a table."""
    from raynas.tasks import LightningTask
    from raynas.tasks.example_input import build_of, innermost
    from raynas.tasks.lightning import quiet
    from raynas.tasks.meters.profile import try_build

    if not hasattr(Space.of(search.space).root, "build") and not isinstance(
        search.task, LightningTask
    ):
        return None
    build = build_of(search.task)
    task = innermost(search.task)

    tried: dict[Any, Exception | None] = {}

    def try_out(architecture: Any) -> None:
        if architecture not in tried:
            tried[architecture] = None
            try:
                with quiet():
                    try_build(architecture, build)
                    if isinstance(task, LightningTask) and task.pretrained:
                        task.made(architecture)
            except Exception as error:
                tried[architecture] = error
        error_then = tried[architecture]
        if error_then is not None:
            raise error_then

    return try_out


def _say(findings: Sequence[Finding], console: Console, samples: int) -> None:
    from rich.table import Table
    from rich.text import Text

    if not findings:
        console.print(
            "Nothing speaks against it; "
            f"{counted(samples, 'combination was', 'combinations were')} drawn and tried."
        )
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
