"""The plot of regret against cost from the runs that `cost.py` keeps, a panel a problem.

    python benchmarks/cost_plot.py docs/benchmarks/cost.jsonl docs/benchmarks/cost.png

Drawn are the problems named by --problems, methods of at least five seeds, and runs that were
looked at at four costs or more. Lines are means over seeds, bands their standard errors.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

FEWEST_COSTS, FEWEST_SEEDS = 4, 5
FLOOR = 0.01
"""Where lines end on the logarithmic axis, in the unit of the score."""
TITLES = {
    "nb201": "NAS-Bench-201, CIFAR-10",
    "mnist": "MNIST curves",
    "digits": "spoken digits",
}
NAMES = {
    "budgets": "raynas, budgets",
    "two-stage": "raynas, two stages",
    "short": "raynas, short trainings only",
    "full": "raynas, full trainings only",
}
Runs = Sequence[Mapping[str, Any]]


def grouped(runs: Runs, problems: Sequence[str]) -> dict[str, dict[str, Runs]]:
    """By problem and method, in the order of `NAMES`, then of the alphabet."""
    found: dict[str, dict[str, list[Mapping[str, Any]]]] = {name: {} for name in problems}
    order = list(NAMES)
    for run in sorted(runs, key=lambda run: str(run["method"])):
        if run["problem"] in found and len(run["costs"]) >= FEWEST_COSTS:
            found[run["problem"]].setdefault(run["method"], []).append(run)
    return {
        name: {
            method: some[method]
            for method in sorted(some, key=lambda m: [*order, m].index(m))
            if len(some[method]) >= FEWEST_SEEDS
        }
        for name, some in found.items()
    }


def draw(axis: Any, method: str, runs: Runs, color: object) -> None:
    """A line with its band, where every seed knows an architecture.

    Of runs that were looked at at different costs, those with the most are drawn.
    """
    looked = max((run["costs"] for run in runs), key=len)
    costs = np.array(looked)
    regrets = np.array([run["regrets"] for run in runs if run["costs"] == looked], float)
    known = ~np.isnan(regrets).any(axis=0)
    means = regrets[:, known].mean(axis=0)
    errors = regrets[:, known].std(axis=0, ddof=1) / len(regrets) ** 0.5
    ours = method in NAMES
    style = "-" if ours else "--"
    width = 2.5 if method == "budgets" else 1.5
    label = NAMES.get(method, method)
    axis.plot(costs[known], np.maximum(means, FLOOR), style, color=color, lw=width, label=label)
    low, high = np.maximum(means - errors, FLOOR), np.maximum(means + errors, FLOOR)
    axis.fill_between(costs[known], low, high, color=color, alpha=0.12, lw=0)


def main() -> None:
    """Write the figure."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import colormaps
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, NullFormatter

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path)
    parser.add_argument("figure", type=Path)
    parser.add_argument("--problems", default="nb201", help="by comma")
    options = parser.parse_args()
    runs = [json.loads(line) for line in options.runs.read_text().splitlines()]
    found = grouped(runs, options.problems.split(","))
    methods = list(dict.fromkeys(method for some in found.values() for method in some))
    colors = dict(
        zip(methods, [*colormaps["tab10"].colors, *colormaps["Set2"].colors], strict=False)
    )
    figure, axes = plt.subplots(1, len(found), figsize=(5.5 * len(found) + 3, 5), squeeze=False)
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    for axis, (problem, some) in zip(axes.flat, found.items(), strict=True):
        for method, of_method in some.items():
            draw(axis, method, of_method, colors[method])
        axis.set(title=TITLES.get(problem, problem), xscale="log", yscale="log")
        axis.set(xlabel="cost in full trainings", ylabel="points below the best")
        axis.set_xticks(max((run["costs"] for s in some.values() for run in s), key=len))
        axis.xaxis.set_major_formatter(plain)
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.yaxis.set_major_formatter(plain)
        axis.grid(alpha=0.3)
    lines = {line.get_label(): line for axis in axes.flat for line in axis.get_lines()}
    figure.legend(lines.values(), lines, loc="outside right center", fontsize=9, frameon=False)
    figure.set_layout_engine("constrained")
    figure.savefig(options.figure, dpi=90)


if __name__ == "__main__":
    main()
