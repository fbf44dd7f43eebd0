"""`raynas profile`: what the architectures of a space cost, before anything trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from raynas.cli.fit import fit_predictions
from raynas.cli.search_file import Target, load_search
from raynas.cli.terminal import Terminal
from raynas.errors import ConfigurationError
from raynas.rewards import Bound
from raynas.search import Search
from raynas.wording import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from raynas.tasks.meters.profile import Profile
    from raynas.tasks.meters.space_profile import SpaceProfile

__all__ = ["profile"]

_NOTHING_RAN = 1  # exit status
_TO_SHOW, _TO_FIT = 200, 50
"""Architectures: quantiles within some percent, and as many to measure as take minutes."""
_DECISIONS_SHOWN = 8  # rows, so that the table fits a screen
_LEAST_INFLUENCE = 0.01  # share of the variance; less is noise of a sample of 200
_ERRORS_SHOWN = 5  # rows, so that the table fits a screen


def profile(
    file: Target,
    samples: Annotated[
        int | None,
        typer.Option(help="Draw this many architectures; by default 200, or 50 with --fit."),
    ] = None,
    latency: Annotated[
        bool, typer.Option("--latency", help="Measure the latency on this device too.")
    ] = False,
    max_parameters: Annotated[
        float | None, typer.Option(help="Show the share of architectures with at most these.")
    ] = None,
    max_flops: Annotated[
        float | None, typer.Option(help="Show the share of architectures with at most these.")
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="SHAPE",
            help="Use this shape of one example, as 3,32,32, or 128:long for whole numbers; by "
            "default that of the task's data.",
        ),
    ] = None,
    fit: Annotated[
        bool,
        typer.Option(
            "--fit", help="Measure a sample to fit the predictions of raynas.meters.Predicted."
        ),
    ] = False,
) -> None:
    """Show what architectures cost: parameters, FLOPs, activation memory and latency.

    Profiles the baseline and a seeded sample of the space, and shows the share that meets limits,
    the choices that cost most, and what cannot be built or run. Figures are for a forward pass of
    one example; a multiply-accumulate counts as two FLOPs. With --fit, a sample is measured instead
    on the device of each raynas.meters.Predicted in FILE, and the error of its predictions is
    shown; measurements that its file has already are not repeated.
    """
    from raynas.tasks.example_input import example_of_shape

    _check_limit("max-parameters", max_parameters)
    _check_limit("max-flops", max_flops)
    example_input = example_of_shape(example) if example is not None else None
    search, name = load_search(file)
    console = Terminal()
    if samples is None:
        samples = _TO_FIT if fit else _TO_SHOW
    if fit:
        fit_predictions(search, example_input, samples, console)
        return
    found = _profiled(search, example_input, samples, latency, console)
    _say_size(found, search.name or name, console)
    if found.profiles:
        console.print(_costs(found))
        _say_uncounted(found, console)
        _say_limits(found, max_parameters, max_flops, console)
        _say_bounds(found, search, console)
        _say_influence(found, console)
    _say_errors(found, console)
    if not found.profiles:
        raise typer.Exit(_NOTHING_RAN)


def _check_limit(option: str, limit: float | None) -> None:
    if limit is not None and not limit > 0:
        raise ConfigurationError(f"{option}={limit:g}: must be above 0")


def _profiled(
    search: Search, example_input: Any, samples: int, latency: bool, console: Console
) -> SpaceProfile:
    import torch

    from raynas.tasks.meters.space_profile import profile_space

    device = "cuda" if torch.cuda.is_available() else "cpu"
    with console.status("profiling") as status:
        return profile_space(
            search.space,
            example_input,
            task=search.task,
            samples=samples,
            latency_on=device if latency else None,
            progress=lambda done: status.update(f"{counted(done, 'architecture')} profiled"),
        )


def _say_size(found: SpaceProfile, name: str, console: Console) -> None:
    from raynas.wording import shown_architectures

    sampled = len(found.profiles) + len(found.errors)
    sample = "profiled all" if found.whole else f"profiled {sampled:,}"
    size = shown_architectures(found.space.size)
    console.print(f"[bold]{escape(name)}[/]: {size}, {sample}\n")


def _costs(found: SpaceProfile) -> Table:
    import numpy as np
    from rich.table import Table

    table = Table()
    table.add_column("for one example")
    columns = (*(("baseline",) if found.baseline else ()), "min", "median", "max")
    for column in columns:
        table.add_column(column, justify="right")
    for label, value, shown in _rows(found):
        values = [value(one) for _, one in found.profiles]
        figures = [float(np.min(values)), float(np.median(values)), float(np.max(values))]
        baseline = [value(found.baseline)] if found.baseline else []
        table.add_row(label, *(shown(figure) for figure in (*baseline, *figures)))
    return table


def _say_uncounted(found: SpaceProfile, console: Console) -> None:
    for name, count in found.uncounted:
        console.print(
            f"[yellow]FLOPs without {name}[/], for which no formula is known, in {count:,} of "
            f"{counted(len(found.profiles), 'architecture')}"
        )


_Row = tuple[str, "Callable[[Profile], float]", "Callable[[float], str]"]


def _rows(found: SpaceProfile) -> list[_Row]:
    """What to show: its name, where to read it, and how to write it."""
    rows: list[_Row] = [
        ("parameters", lambda one: one.parameters, _count),
        ("FLOPs", lambda one: one.flops, _count),
        ("activation memory", lambda one: one.activation_bytes, _memory),
    ]
    first = found.profiles[0][1].latency
    if first is not None:
        for part in ("p50", "p90", "p99"):
            rows.append((f"latency {part} on {first.device}", _reads(part), _milliseconds))
    return rows


def _reads(part: str) -> Callable[[Profile], float]:
    return lambda one: float(getattr(one.latency, part))


def _say_limits(
    found: SpaceProfile, max_parameters: float | None, max_flops: float | None, console: Console
) -> None:
    on_cpu = sum(one.device == "cpu" for _, one in found.profiles)
    if on_cpu:
        console.print(
            f"{on_cpu:,} were counted on the CPU: they cannot be built or run without their data."
        )
    limits = [
        f"{_count(limit)} {name}"
        for limit, name in ((max_parameters, "parameters"), (max_flops, "FLOPs"))
        if limit is not None
    ]
    if limits:
        share = found.share_within(max_parameters, max_flops)
        console.print(f"[bold]{share:.1%}[/] have at most {' and '.join(limits)}.")


def _say_bounds(found: SpaceProfile, search: Search, console: Console) -> None:
    """Say what share of the sample is within the bounds that the file declares."""
    from raynas.analysis.units import bound_words
    from raynas.controllers.feasible import FeasibleSpace
    from raynas.tasks.meters.measured import measuring

    bounds = search.bounds
    if not bounds:
        return
    for task in measuring(search.task):
        task.keep(found.profiles, found.example)
    part = FeasibleSpace(found.space, bounds, search.task.foreknown)
    measured = [bound for bound in bounds if bound not in part.free]
    if part.free:
        inside = sum(part.allows(architecture) for architecture, _ in found.profiles)
        share = inside / (len(found.profiles) + len(found.errors))
        words = " and ".join(map(bound_words, part.free))
        console.print(f"[bold]{share:.1%}[/] are within the bounds of the file: {escape(words)}.")
    for bound in measured:
        _say_measured_bound(found, bound, console)


def _say_measured_bound(found: SpaceProfile, bound: Bound, console: Console) -> None:
    """Say the share within a bound on a latency that was profiled, or that only trials know."""
    from raynas.analysis.units import bound_words

    part = bound.metric.removeprefix("latency_")
    timed = [one.latency for _, one in found.profiles if one.latency is not None]
    values = [getattr(latency, part) for latency in timed if hasattr(latency, part)]
    if not values:
        hint = "; --latency measures it here" if bound.metric.startswith("latency_") else ""
        words = f"The bound of the file on {bound_words(bound)} is known by measuring only{hint}."
        console.print(escape(words))
        return
    share = sum(bound.excess(value) <= 0 for value in values) / len(values)
    words = f"are within the bound of the file, as measured here: {bound_words(bound)}."
    console.print(f"[bold]{share:.1%}[/] {escape(words)}")


def _say_influence(found: SpaceProfile, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    parameters = dict(found.influence("parameters"))
    flops = dict(found.influence("flops"))
    order = sorted(parameters, key=lambda path: -max(parameters[path], flops[path]))
    shown = [p for p in order if max(parameters[p], flops[p]) >= _LEAST_INFLUENCE]
    sample = counted(len(found.profiles), "architecture")
    which = "Choices that are not listed explain no" if shown else "No choice explains"
    words = f"{which} more than noise does in {sample}; a larger --samples tells more apart."
    hidden = "" if found.whole or len(shown) == len(order) else words
    if not shown:
        console.print(hidden)
        return
    console.print("\nHow much of the variance each choice explains by itself, most first:")
    table = Table()
    table.add_column("choice", overflow="fold")
    table.add_column("parameters", justify="right")
    table.add_column("FLOPs", justify="right")
    for path in shown[:_DECISIONS_SHOWN]:
        table.add_row(Text(path), f"{parameters[path]:.0%}", f"{flops[path]:.0%}")
    console.print(table)
    if hidden:
        console.print(hidden)


def _say_errors(found: SpaceProfile, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    if found.baseline_error is not None:
        error = Text(f"The baseline cannot be built or run: {found.baseline_error}", "bold red")
        console.print("\n", error, sep="")
    if not found.errors:
        return
    console.print(f"\n[bold red]{len(found.errors):,} could not be built or run[/]:")
    groups = found.error_groups()
    table = Table.grid(padding=(0, 1))
    for text, count, architecture in groups[:_ERRORS_SHOWN]:
        table.add_row(Text(f"{count:,} x", justify="right"), Text(text))
        table.add_row("", Text(f"first: {architecture!r}", style="dim"))
    console.print(table)
    if len(groups) > _ERRORS_SHOWN:
        console.print(f"and {counted(len(groups) - _ERRORS_SHOWN, 'other error')}")


def _count(number: float) -> str:
    return f"{number:,.0f}" if number < 1e6 else _scaled(number, 1000, ("", "k", "M", "G", "T"))


def _memory(number: float) -> str:
    return _scaled(number, 1024, ("B", "KiB", "MiB", "GiB"))


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms"


def _scaled(number: float, base: int, units: tuple[str, ...]) -> str:
    for unit in units[:-1]:
        if number < base:
            return f"{number:.4g} {unit}".rstrip()
        number /= base
    return f"{number:.4g} {units[-1]}"
