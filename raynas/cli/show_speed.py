"""What `raynas speed` prints: tables of times, and what to set because of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raynas.wording import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from raynas.preflight.speed_result import Speed
    from raynas.preflight.step_time import Timing
    from raynas.search import Search

__all__ = ["say_speed"]

_BUSY = 0.5  # of the cores, by others: speeds are then up to a third too low


def say_speed(found: Speed, search: Search, name: str, console: Console) -> None:
    """Print what was measured for the search `name`, and the advice that follows."""
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
    console.print(_settings(found))
    console.print(_starts(found))
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

    from raynas.preflight.setting_gains import loss_difference

    batch = next(iter(found.precisions.values())).batch
    table = Table(
        title=f"baseline with {batch:,} a batch", title_justify="left", title_style="bold"
    )
    for column in ("precision", "step", "examples/s", "memory", "first step", "loss differs by"):
        table.add_column(column, justify="right" if column != "precision" else "left")
    full = found.precisions.get("32-true")
    rows = dict(found.precisions)
    if found.compiled is not None:
        rows[f"{found.precision}, torch.compile"] = found.compiled
    for label, timing in rows.items():
        if timing.error:
            table.add_row(label, timing.error)
            continue
        memory = "" if timing.memory is None else _bytes(timing.memory)
        apart = None if full is None else loss_difference(timing.losses, full.losses)
        table.add_row(
            label,
            _time(timing.seconds),
            f"{timing.rate:,.0f}",
            memory,
            _time(timing.first),
            "" if apart is None or timing is full else f"{apart:.2g}",
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


def _settings(found: Speed) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=f"settings that should change the speed only, with {found.batch:,} a batch",
        title_justify="left",
        title_style="bold",
    )
    for column in ("setting", "gain (95 % interval)", "loss", "to adopt it, write"):
        table.add_column(column, overflow="fold")
    for one in found.settings:
        style = "bold" if one.faster and one.same_loss else ""
        loss = Text(one.loss_words, "" if one.same_loss else "yellow")
        table.add_row(Text(one.name), Text(one.words), loss, Text(one.change), style=style)
    return table


def _starts(found: Speed) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="start of a trial", title_justify="left", title_style="bold")
    for column in ("GPUs of a trial", "start", "step", "memory"):
        table.add_column(column, justify="right")
    for one in found.starts:
        gpus = str(one.gpus) if one.gpus else "none"
        if one.reason:
            table.add_row(gpus, Text(one.reason))
            continue
        memory = "" if one.memory is None else _bytes(one.memory)
        table.add_row(gpus, _time(one.seconds), _time(one.step), memory)
    return table


def _setting_advice(found: Speed) -> list[str]:
    """Which settings to adopt, and which change more than the speed."""
    lines = [
        f"{one.name}: {one.words}; write {one.change}"
        for one in found.settings
        if one.faster and one.same_loss
    ]
    changed = [one for one in found.settings if not one.reason and not one.same_loss]
    lines += [
        f"{one.name} {one.loss_words} within the first steps: it is no setting of speed only, so "
        "compare scores before you adopt it"
        for one in changed
    ]
    if found.settings and not lines:
        lines.append("settings: none of those that were measured brings a measurable gain")
    return lines


def _advice(found: Speed) -> list[str]:
    from raynas.preflight.recommendations import best_precision
    from raynas.preflight.trial_start import starts_in_words

    lines = [_batch_advice(found)]
    precision = best_precision(found.precisions)
    if precision is not None:
        write = "" if precision == found.precision else f", LightningTask(precision={precision!r})"
        lines.append(f"precision: {precision}{write}")
    lines.extend(_compile_advice(found))
    if found.loading is not None:
        workers = found.loading.workers
        write = "" if workers == found.workers else f", DataLoader(..., num_workers={workers})"
        lines.append(f"data loader workers: {workers}{write}")
    if found.sharing is not None:
        share = found.sharing
        wanted = f"gpu={share.gpu:g}" if found.gpu else f"cpu={share.cpu}"
        where = "on a GPU" if found.gpu else "on this machine"
        lines.append(
            f"trials at a time {where}: {share.trials}, Resources({wanted}); {share.words}"
        )
    if found.gpu:
        measured = starts_in_words(found.starts)
        lines.append(
            "GPUs per trial: 1; trials on fewer start sooner, and several trials at once use "
            "several GPUs better than one trial does" + (f": {measured}" if measured else "")
        )
    lines.extend(_setting_advice(found))
    if found.norms:
        lines.append(
            f"the baseline has {counted(found.norms, 'batch normalization layer')}: statistics are "
            "those of one device's batch, for which another size than the gradient's may be best"
        )
    return lines


def _batch_advice(found: Speed) -> str:
    if found.recommended is None:
        return "batch size: no size that was tried fits for all architectures; shrink the space"
    changed = ""
    if found.recommended != found.batch:
        changed = (
            f", DataLoader(..., batch_size={found.recommended}), now {found.batch:,}; a changed "
            "batch size asks for a new learning rate and regularization, as it changes the noise "
            "of gradients"
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
