"""The summary as a page of the documentation, with a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from front_bench.simulate import EVERY
from front_bench.summary import Group, table

__all__ = ["write"]

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"


def write(folder: Path, found: Sequence[Group]) -> None:
    """``fronts.png``, and the tables of ``fronts.md`` between their marks."""
    _plot(folder / "fronts.png", found)
    path = folder / "fronts.md"
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{table(found)}\n{END}{after}")


def _plot(path: Path, found: Sequence[Group]) -> None:
    """A panel a problem and protocol: what is missing of the hypervolume, means of the runs."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import colormaps
    from matplotlib import pyplot as plt

    methods = sorted({g.method for g in found}, key=lambda m: (not m.startswith("raynas:"), m))
    colors = dict(zip(methods, colormaps["tab10"].colors, strict=False))
    panels = list(dict.fromkeys((g.problem, g.protocol) for g in found))
    rows = (len(panels) + 2) // 3
    figure, axes = plt.subplots(rows, 3, figsize=(15, 4 * rows), squeeze=False)
    for axis, panel in zip(axes.flat, panels, strict=False):
        axis.set(
            title=", ".join(panel), xlabel="trials", ylabel="hypervolume missing", yscale="log"
        )
        for group in (g for g in found if (g.problem, g.protocol) == panel):
            _curve(axis, group, colors[group.method])
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    lines = {line.get_label(): line for axis in axes.flat for line in axis.get_lines()}
    figure.legend(lines.values(), lines, loc="lower center", ncols=5, fontsize=9)
    figure.tight_layout(rect=(0, 0.3 / rows, 1, 1))
    figure.savefig(path, dpi=70)
    plt.close(figure)


def _curve(axis: Any, group: Group, color: object) -> None:
    missing = 1.0 - next(iter(group.shares.values())).mean(axis=0)
    trials = EVERY * np.arange(1, len(missing) + 1)
    ours = group.method.startswith("raynas:")
    axis.plot(trials, missing, color=color, label=group.method, lw=2 if ours else 1)
