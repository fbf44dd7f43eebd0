"""Fronts of two objectives: what each controller's front dominates, after so many trials.

`python benchmarks/fronts.py --data FOLDER` prints a table of means over the seeds. Each objective
is 0 for the mean of random architectures and 1 for its optimum; what counts is the area between a
front and (0, 0). NAS-Bench-201 trades accuracy for latency, and its areas are shares of that of the
table's own front. In the synthetic spaces two landscapes of one space are independent; nobody knows
their front, whose area is below 1. FOLDER holds nasbench201_cifar10.csv.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from controller_bench.synthetic import synthetic
from controller_bench.tables import nb201

from raynas import History, Measurement, Space, Trial
from raynas.controllers import make_controller
from raynas.dominance import non_dominated
from raynas.trials import Completed

SHOWN = (50, 100, 200, 300)
Point = tuple[float, float]


class FrontProblem(NamedTuple):
    """A space, the objectives of its architectures, and the area that all others are shares of."""

    space: Space[Any]
    objectives: Callable[[Any], Point]
    whole: float


def main() -> None:
    """Run everything, and print a row for each problem and controller."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--problems", default="nb201,synthetic-30,synthetic-100")
    parser.add_argument("--controllers", default="surrogate-pareto,nsga2,random")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--parallel", type=int, default=1)
    given = parser.parse_args()
    print("| problem | controller |", " | ".join(map(str, SHOWN)), "| ms a proposal |")
    print("|---|---|" + "--:|" * (len(SHOWN) + 1))
    with get_context("spawn").Pool(given.parallel) as pool:
        for problem in given.problems.split(","):
            for name in given.controllers.split(","):
                runs = [(problem, given.data, name, seed) for seed in range(given.seeds)]
                areas, seconds = zip(*pool.starmap(search, runs), strict=True)
                means = " | ".join(f"{mean:.3f}" for mean in np.mean(areas, axis=0))
                print(
                    f"| {problem} | {name} | {means} | {1e3 * np.mean(seconds):.1f} |", flush=True
                )


def search(problem: str, data: Path, name: str, seed: int) -> tuple[list[float], float]:
    """The areas after the numbers of trials of `SHOWN`, and CPU seconds a proposal."""
    space, objectives, whole = made(problem, data, seed)
    controller = make_controller(name, space)
    history, points, areas, spent = History(), [], [], 0.0
    for number in range(max(SHOWN)):
        began = time.process_time()
        architecture = controller.propose(history, np.random.default_rng([seed, number]))
        spent += time.process_time() - began
        points.append(objectives(architecture))
        outcome = Completed(Measurement({}), points[-1][0], points[-1])
        history = history.asked(Trial(number, architecture)).told(number, outcome, 0.0)
        if number + 1 in SHOWN:
            areas.append(area(points) / whole)
    return areas, spent / max(SHOWN)


def made(problem: str, data: Path, seed: int) -> FrontProblem:
    """The problem of a name; of a synthetic one two instances that are the seed's own."""
    if problem != "nb201":
        size = int(problem.removeprefix("synthetic-"))
        one, other = synthetic(size, seed), synthetic(size, seed + 1000)
        return FrontProblem(
            one.space, lambda net: (one.look_up(net).true, other.look_up(net).true), 1.0
        )
    table = pd.read_csv(data / "nasbench201_cifar10.csv", dtype={"arch": str}).set_index("arch")
    both = pd.DataFrame({"accuracy": table["val_200"], "speed": -table["latency_s"]})
    scaled = (both - both.mean()) / (both.max() - both.mean())
    points = {str(arch): (a, s) for arch, a, s in scaled.itertuples(name=None)}
    return FrontProblem(
        nb201(data).space, lambda cell: points[cell.key], area(list(points.values()))
    )


def area(points: Sequence[Point]) -> float:
    """What `points` dominate of the quadrant above (0, 0)."""
    total = height = 0.0
    for x, y in sorted((points[i] for i in non_dominated(points)), reverse=True):
        total += max(x, 0.0) * max(y - height, 0.0)
        height = max(height, y)
    return total


if __name__ == "__main__":
    main()
