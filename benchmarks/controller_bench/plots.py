"""Curves of the median regret with the band between the quartiles, a figure a protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from controller_bench.summary import Group

__all__ = ["plot"]

FLOOR = 1e-4
"""Where curves end on the logarithmic axis: the optimum is found."""


def plot(found: Sequence[Group], folder: Path) -> list[Path]:
    """Write ``controllers-PROTOCOL.png`` for each protocol, a panel a problem."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    methods = sorted({g.method for g in found}, key=lambda m: (not m.startswith("raynas:"), m))
    colors = dict(zip(methods, _colors(), strict=False))
    paths = []
    for protocol in dict.fromkeys(group.protocol for group in found):
        chosen = [group for group in found if group.protocol == protocol]
        problems = list(dict.fromkeys(group.problem for group in chosen))
        rows = (len(problems) + 2) // 3
        figure, axes = plt.subplots(rows, 3, figsize=(15, 4 * rows), squeeze=False)
        for axis, problem in zip(axes.flat, problems, strict=False):
            axis.set(title=f"{problem}, {protocol}", xlabel="trials", ylabel="regret", yscale="log")
            for group in (group for group in chosen if group.problem == problem):
                _curve(axis, group, colors[group.method])
        for axis in axes.flat[len(problems) :]:
            axis.axis("off")
        lines = {line.get_label(): line for axis in axes.flat for line in axis.get_lines()}
        figure.legend(lines.values(), lines, loc="lower center", ncols=5, fontsize=9)
        figure.tight_layout(rect=(0, 0.3 / rows, 1, 1))
        paths.append(folder / f"controllers-{protocol}.png")
        figure.savefig(paths[-1], dpi=70)
        plt.close(figure)
    return paths


def _curve(axis: Any, group: Group, color: object) -> None:
    low, middle, high = np.quantile(np.maximum(group.regret, FLOOR), (0.25, 0.5, 0.75), axis=0)
    trials = np.arange(1, len(middle) + 1)
    ours = group.method.startswith("raynas:")
    axis.plot(trials, middle, color=color, label=group.method, lw=2 if ours else 1)
    axis.fill_between(trials, low, high, color=color, alpha=0.12, lw=0)


def _colors() -> list[object]:
    from matplotlib import colormaps

    return [*colormaps["tab20"].colors, *colormaps["tab20b"].colors]
