"""`raynas speed FILE --target VALUE`: the critical batch size, as a table and a page."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from raynas.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console

    from raynas.preflight.critical_batch import BatchCurve
    from raynas.report.figure_style import Drawing
    from raynas.search import Search

__all__ = ["critical_batch_drawing", "find_critical_batch"]

_FILE, _PAGE = "critical-batch.json", "critical-batch.html"


def find_critical_batch(
    search: Search,
    target: float,
    batches: str,
    scaling: str,
    folder: Path,
    console: Console,
    *,
    cpu: bool = False,
) -> None:
    """Measure, print and write the steps to `target` against batch sizes.

    Raises:
        ConfigurationError: An argument is not what it should be, or the task trains no networks.
    """
    from raynas.analysis.saved_results import replace_text, save
    from raynas.cli.working import working
    from raynas.preflight.critical_batch import measure_critical_batch
    from raynas.report.html_page import page_of
    from raynas.report.sections import Section
    from raynas.space import Space
    from raynas.tasks import LightningTask
    from raynas.tasks.example_input import innermost

    task = innermost(search.full or search.task)
    if not isinstance(task, LightningTask):
        raise ConfigurationError(f"--target: a {type(task).__name__} has no batch size")
    if scaling not in ("linear", "sqrt"):
        raise ConfigurationError(f"scaling={scaling!r}: use linear or sqrt")
    with working(console, "training") as say:
        found = measure_critical_batch(
            task,
            Space.of(search.space).baseline,
            target,
            _sizes(batches),
            scaling=cast(Literal["linear", "sqrt"], scaling),
            gpu=0.0 if cpu else _gpus(),
            say=say,
        )
    console.print(_table(found))
    for line in _words(found):
        console.print(line, soft_wrap=True)
    folder.mkdir(parents=True, exist_ok=True)
    save(dataclasses.asdict(found), folder / _FILE)
    part = Section("critical-batch", "Critical batch size", (critical_batch_drawing(found),))
    words = f"Steps to {found.metric} {found.target:g}"
    replace_text(folder / _PAGE, page_of("Critical batch size", "Batch sizes", words, [part]))
    console.print(f"Page: {folder / _PAGE}", soft_wrap=True, markup=False)


def critical_batch_drawing(found: BatchCurve) -> Drawing:
    """Steps to the target against the batch size, with perfect scaling and the fitted curve."""
    import plotly.graph_objects as go

    from raynas.report.figure_style import AMBER, BLUE, GRAY, Drawing, styled

    figure = go.Figure()
    known = [point for point in found.points if point.steps is not None]
    sizes = [point.batch for point in known]
    first = known[0] if known else None
    if first is not None and first.steps is not None:
        ideal = [first.steps * first.batch / size for size in sizes]
        dashed = {"color": GRAY, "dash": "dash"}
        figure.add_scatter(
            x=sizes, y=ideal, mode="lines", line=dashed, name="twice the batch, half the steps"
        )
    if found.critical is not None and found.fewest_steps is not None:
        fitted = [found.fewest_steps * (1 + found.critical / size) for size in sizes]
        figure.add_scatter(x=sizes, y=fitted, mode="lines", line={"color": AMBER}, name="fitted")
        figure.add_vline(found.critical, line={"color": AMBER, "dash": "dot"})
    figure.add_scatter(
        x=sizes,
        y=[point.steps for point in known],
        mode="markers",
        marker={"color": BLUE, "size": 9},
        name="measured",
    )
    ticks: dict[str, Any] = {"type": "log", "tickvals": sizes, "ticktext": list(map(str, sizes))}
    drawing = styled(figure, "batch size", f"steps to {found.metric} {found.target:g}")
    drawing.update_layout(xaxis=ticks, yaxis={"type": "log"})
    return Drawing(
        "critical_batch",
        "Steps to the target",
        "Both axes are logarithmic. Along the dashed line, twice the batch takes half the steps; "
        "where the measured points leave it, returns fall. The dotted line is the critical batch "
        "size of the fitted curve, with twice the fewest steps and twice the fewest examples.",
        drawing,
    )


def _sizes(text: str) -> list[int]:
    try:
        return [int(size) for size in text.split(",")]
    except ValueError:
        raise ConfigurationError(
            f"batches={text!r}: give whole numbers with commas between, as in 16,32,64"
        ) from None


def _gpus() -> float:
    import torch

    return 1.0 if torch.cuda.is_available() else 0.0


def _table(found: BatchCurve) -> Any:
    from rich.table import Table

    table = Table(title=f"Steps to {found.metric} {found.target:g}", title_justify="left")
    for column in ("batch", "steps", "examples", "learning rate", "at the rates tried"):
        table.add_column(column, justify="right")
    for point in found.points:
        tried = ", ".join(
            f"x{rate:.3g}: {'-' if steps is None else steps}" for rate, steps in point.tried
        )
        rate = "" if point.rate is None else f"x{point.rate:.3g}"
        edge = " (edge)" if point.at_an_edge else ""
        steps = "not reached" if point.steps is None else f"{point.steps:,}"
        examples = "" if point.examples is None else f"{point.examples:,}"
        table.add_row(str(point.batch), steps, examples, rate + edge, tried)
    return table


def _words(found: BatchCurve) -> list[str]:
    if found.critical is None:
        return [
            "Fewer than three batch sizes reached the target: give a lower --target, other "
            "--batches or a task of more steps."
        ]
    lines = [
        f"Critical batch size: about {found.critical:,.0f}. Far below it, twice the batch takes "
        "half the steps; far above it, it only costs more."
    ]
    if found.falling_from is not None:
        lines.append(f"Returns fall clearly from batch {found.falling_from} on.")
    if any(point.at_an_edge for point in found.points):
        lines.append(
            "Where the best rate is at the edge of those tried (edge), a better one may exist, and "
            "the steps are an upper bound."
        )
    lines.append(
        "The batch size sets the speed of training, not its quality: take the one that trains "
        "fastest (`raynas speed`), and tune the learning rate and regularization anew for it."
    )
    return lines
