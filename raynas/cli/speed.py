"""`raynas speed`: how fast architectures train on this machine, and what to set because of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from raynas.cli.search_file import ResultsFolder, SearchName, Target, load_search
from raynas.cli.terminal import Terminal
from raynas.wording import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from raynas.preflight.speed import Speed
    from raynas.preflight.step_time import Timing
    from raynas.search import Search

__all__ = ["speed"]

_NONE_FITS = 1  # exit status
_BUSY = 0.5  # of the cores, by others: speeds are then up to a third too low


def speed(
    file: Target,
    seconds: Annotated[float, typer.Option(help="Time each case for this many seconds.")] = 1.0,
    minutes: Annotated[
        float, typer.Option(help="Begin no measurement after this many minutes.")
    ] = 10.0,
    step_seconds: Annotated[
        float, typer.Option(help="Stop doubling the batch once a step takes this many seconds.")
    ] = 5.0,
    patience: Annotated[
        float, typer.Option(help="Give up on a case after this many seconds.")
    ] = 120.0,
    max_batch: Annotated[
        int | None,
        typer.Option(help="Try batches up to this size; by default the examples of an epoch."),
    ] = None,
    compiled: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Try torch.compile.")
    ] = True,
    target: Annotated[
        float | None,
        typer.Option(
            help="Instead: find the critical batch size, by the steps to this value of the metric."
        ),
    ] = None,
    batches: Annotated[
        str, typer.Option(help="Try these batch sizes with --target.")
    ] = "8,16,32,64,128,256,512",
    scaling: Annotated[
        str,
        typer.Option(help="How --target scales learning rates with the batch: linear or sqrt."),
    ] = "linear",
    cpu: Annotated[
        bool, typer.Option("--cpu", help="Measure the CPU even if there is a GPU.")
    ] = False,
    name: SearchName = None,
    folder: ResultsFolder = None,
) -> None:
    """Measure training speed: batch sizes by doubling, data loading, precision, torch.compile.

    For the baseline and the median and largest architecture of a sample, on the GPU where there is
    one. Recommends batch size, precision, loader workers and how many trials share a device. Run
    it where nothing else runs. With --target, trainings at several batch sizes, each with its
    learning rate scaled and tuned a little, show from which size on returns fall. The exit code is
    1 where no batch size fits for all.
    """
    from raynas.cli.working import working
    from raynas.preflight.speed import measure_speed

    search, default_name = load_search(file)
    name = name or search.name or default_name
    console = Terminal()
    place = Path(folder or search.folder).expanduser().absolute() / name
    if target is not None:
        from raynas.cli.critical_batch import find_critical_batch

        find_critical_batch(search, target, batches, scaling, place, console, cpu=cpu)
        return
    with working(console, "measuring", f"(nothing new begins after {minutes:g} min)") as say:
        found = measure_speed(
            search,
            seconds=seconds,
            minutes=minutes,
            step_seconds=step_seconds,
            patience=patience,
            most=max_batch,
            compiled=compiled,
            cpu=cpu,
            say=say,
        )
    found.save(place)
    _say(found, search, name, console)
    if found.recommended is None:
        raise typer.Exit(_NONE_FITS)


def _say(found: Speed, search: Search, name: str, console: Console) -> None:
    from rich.markup import escape
    from rich.text import Text

    console.print(
        f"[bold]{escape(name)}[/]: training on {escape(found.device)}, precision {found.precision}"
    )
    for each, timings in found.timings.items():
        console.print(_doubling(each, timings))
        console.print(Text(f"  ended: {found.ended[each]}", "dim"))
    console.print(_budgets(found, search))
    console.print(_variants(found))
    console.print(_loadings(found))
    console.print(Text(f"Held up by {found.bottleneck}.", "bold"))
    for line in _advice(found):
        console.print(Text("- " + line))
    if found.load is not None and found.load > _BUSY:
        console.print(
            Text(
                f"Warning: the load of this machine was {found.load:.1f} a core when it began, so "
                "these times are not what it can do; run it where nothing else runs.",
                "yellow",
            )
        )
    if found.skipped:
        console.print(Text(f"Not measured, as time was up: {', '.join(found.skipped)}.", "yellow"))


def _doubling(name: str, timings: tuple[Timing, ...]) -> Table:
    from rich.table import Table

    from raynas.preflight.recommendations import efficiencies

    table = Table(title=name, title_justify="left", title_style="bold")
    for column in ("batch", "step", "examples/s", "of doubled", "memory"):
        table.add_column(column, justify="right")
    for timing, share in zip(timings, efficiencies(timings), strict=True):
        if timing.error:
            table.add_row(f"{timing.batch:,}", timing.error)
            continue
        table.add_row(
            f"{timing.batch:,}",
            _time(timing.seconds),
            f"{timing.rate:,.0f}",
            "" if share is None else f"{share:.0%}",
            "" if timing.memory is None else _bytes(timing.memory),
        )
    return table


def _budgets(found: Speed, search: Search) -> Table:
    """Time and use of the trial's and the full training's budgets, counted in steps and epochs."""
    from rich.table import Table

    from raynas.preflight.training_time import budgets_of
    from raynas.wording import duration

    used = "of a GPU" if found.gpu else "of what a trial reserves"
    table = Table(
        title=f"baseline: training time of a budget (hours {used})",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("batch", justify="right")
    budgets = budgets_of(found, search)
    for budget in budgets:
        table.add_column(budget.words, justify="right")
    first = next(iter(found.timings.values()))
    for timing in first:
        if not timing.seconds:
            continue
        cells = []
        for budget in budgets:
            seconds = budget.seconds(timing, found.examples)
            cells.append(f"{duration(seconds)} ({seconds / 3600:.2g} h)")
        table.add_row(f"{timing.batch:,}", *cells)
    return table


def _variants(found: Speed) -> Table:
    from rich.table import Table

    batch = next(iter(found.precisions.values())).batch
    table = Table(
        title=f"baseline with {batch:,} a batch", title_justify="left", title_style="bold"
    )
    for column in ("precision", "step", "examples/s", "memory", "first step"):
        table.add_column(column, justify="right" if column != "precision" else "left")
    rows = dict(found.precisions)
    if found.compiled is not None:
        rows[f"{found.precision}, torch.compile"] = found.compiled
    for label, timing in rows.items():
        if timing.error:
            table.add_row(label, timing.error)
            continue
        memory = "" if timing.memory is None else _bytes(timing.memory)
        table.add_row(
            label, _time(timing.seconds), f"{timing.rate:,.0f}", memory, _time(timing.first)
        )
    return table


def _loadings(found: Speed) -> Table:
    from rich.table import Table

    table = Table(title="data loader", title_justify="left", title_style="bold")
    for column in ("workers", "each batch", "first batch", "a step waits"):
        table.add_column(column, justify="right")
    step = found.step(found.recommended)
    for loading in found.loadings:
        if loading.error:
            table.add_row(str(loading.workers), loading.error)
            continue
        wait = "" if step is None else _time(loading.wait(step))
        mark = " (as is)" if loading.workers == found.workers else ""
        table.add_row(
            f"{loading.workers}{mark}", _time(loading.seconds), _time(loading.first), wait
        )
    return table


def _advice(found: Speed) -> list[str]:
    from raynas.preflight.recommendations import best_precision

    lines = [_batch_advice(found)]
    precision = best_precision(found.precisions)
    if precision is not None:
        lines.append(f"precision: {precision}")
    lines.extend(_compile_advice(found))
    if found.loading is not None:
        lines.append(f"data loader workers: {found.loading.workers}")
    if found.sharing is not None:
        share = found.sharing
        wanted = f"gpu={share.gpu:g}" if found.gpu else f"cpu={share.cpu}"
        where = "on a GPU" if found.gpu else "on this machine"
        lines.append(
            f"trials at a time {where}: {share.trials}, Resources({wanted}); {share.words}"
        )
    if found.gpu:
        lines.append(
            "GPUs per trial: 1; trials on fewer start sooner, and several trials at once use "
            "several GPUs better than one trial does"
        )
    if found.norms:
        lines.append(
            f"the baseline has {counted(found.norms, 'batch normalization layer')}: statistics are "
            "those of one device's batch, for which another size than the gradient's may be best"
        )
    return lines


def _batch_advice(found: Speed) -> str:
    if found.recommended is None:
        return "batch size: no size that was tried fits for all architectures; shrink the space"
    changed = (
        ""
        if found.recommended == found.batch
        else f", now {found.batch:,}; a changed batch size asks for a new learning rate and "
        "regularization, as it changes the noise of gradients"
    )
    return (
        f"batch size: {found.recommended:,}{changed}. It is the smallest with nine tenths of the "
        "best speed for all architectures; it sets speed, and is not to be tuned for the score"
    )


def _compile_advice(found: Speed) -> list[str]:
    from raynas.preflight.recommendations import GAIN

    plain, compiled = found.precisions.get(found.precision), found.compiled
    if plain is None or compiled is None or not (plain.seconds and compiled.seconds):
        return []
    if plain.seconds / compiled.seconds < GAIN:
        return [f"torch.compile: not worth it, it is not {GAIN - 1:.0%} faster"]
    steps = max(1, round(compiled.first / (plain.seconds - compiled.seconds)))
    return [
        f"torch.compile: {plain.seconds / compiled.seconds:.2f} times as fast, and pays from "
        f"{counted(steps, 'step')} on, as each architecture is compiled anew "
        f"({_time(compiled.first)})"
    ]


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _bytes(number: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:.3g} GiB"
