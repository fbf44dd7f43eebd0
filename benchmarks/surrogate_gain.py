"""How well the surrogate's own estimate of what is left to gain ends a search (`SurrogateGain`).

    python benchmarks/surrogate_gain.py --data FOLDER [--problem nb201] [--seeds 30] [--noisy]

Searches by the default controller on a table, one trial at a time or `--parallel` of them, of which
`--failures` is the share that fail. The rules are `ImprovementLeft` as it is by default, with 0.1
points of accuracy as negligible, and with a price alone. Printed are how many searches
it stopped, when, how many trials after the optimum was found, how many of them by 1.5 times the
trials until then and 50, and how many ended more than 0.1 points short of the optimum.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from controller_bench.problem import Problem
from controller_bench.problems import problem

from raynas import AskTell
from raynas.stopping import ImprovementLeft, SurrogateGain
from raynas.trials import Failed

NEAR = 0.1
RULES: dict[str, Callable[..., ImprovementLeft]] = {
    "default": ImprovementLeft,
    "negligible 0.1": partial(ImprovementLeft, negligible=NEAR),
    "price 0.0003": partial(ImprovementLeft, 0.003 * NEAR),
}


def searched(
    problem: Problem, seed: int, trials: int, parallel: int, noisy: bool, failures: float
) -> tuple[list[float], dict[str, int]]:
    """True value of the best of the ten highest rewards after each trial, and each rule's stop."""
    search = AskTell(problem.space, "auto", seed)
    rules = {name: make(estimate=SurrogateGain(problem.space)) for name, make in RULES.items()}
    rng = np.random.default_rng([seed, 9])
    running = []
    true: dict[int, float] = {}
    found: list[float] = []
    stops: dict[str, int] = {}
    while len(found) < trials and len(stops) < len(rules):
        while len(running) < parallel:
            running.append(search.ask())
        proposal = running.pop(rng.integers(len(running)))
        row = None if proposal is None else problem.look_up(proposal.architecture)
        if proposal is None or row is None:
            break
        true[proposal.number] = row.true
        reward = problem.draw(row, rng) if noisy else row.true
        fails = failures and rng.random() < failures
        search.tell(proposal.number, Failed("injected") if fails else reward)
        best = search.history.best(10)
        found.append(max((true[trial.number] for trial in best), default=-math.inf))
        for name, rule in rules.items():
            if name not in stops and rule.check(search.history, 0.0):
                stops[name] = len(found)
    return found, stops


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--problem", default="nb201")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--noisy", action="store_true", help="rewards are of single trainings")
    parser.add_argument("--failures", type=float, default=0.0, help="share of trials that fail")
    options = parser.parse_args()
    how = options.trials, options.parallel, options.noisy, options.failures
    searches = [
        (made, *searched(made, seed, *how))
        for seed in range(options.seeds)
        for made in [problem(options.problem, options.data, seed)]
    ]
    print("| rule | stopped | median stop | median delay | in time | short |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in RULES:
        at, delays, short, in_time = [], [], 0, 0
        for made, found, stops in searches:
            if name not in stops:
                continue
            stop = stops[name]
            at.append(stop)
            near = [n for n, value in enumerate(found, 1) if value >= made.optimum - NEAR]
            if near and near[0] <= stop:
                delays.append(stop - near[0])
                in_time += stop <= 1.5 * near[0] + 50
            else:
                short += 1
        when = f"{statistics.median(at):.0f}" if at else ""
        delay = f"{statistics.median(delays):.0f}" if delays else ""
        stopped = f"{len(at)} of {len(searches)}"
        print(f"| {name} | {stopped} | {when} | {delay} | {in_time} | {short} |", flush=True)


if __name__ == "__main__":
    main()
