"""How well the surrogate's own estimate of what is left to gain ends a search (`SurrogateGain`).

    python benchmarks/surrogate_gain.py --data FOLDER [--problem nb201] [--seeds 30] [--noisy]

Searches by the default controller on a table, one trial at a time or `--parallel` of them. Each
rule is an `ImprovementLeft` whose price is a share of the range of the rewards, one of them the
default. Printed are how many searches it stopped, when, how many trials after the optimum was
found, how many of them by 1.5 times the trials until then and 50, and how many ended more than 0.1
points short of the optimum.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
from controller_bench.problem import Problem
from controller_bench.problems import problem

from raynas import AskTell
from raynas.stopping import ImprovementLeft, SurrogateGain
from raynas.stopping.rise import rise

SHARES = (1e-3, 3e-4, 1e-4, 3e-5)
NEAR = 0.1


def searched(
    problem: Problem, seed: int, trials: int, parallel: int, noisy: bool
) -> tuple[list[float], dict[float, int]]:
    """True value of the best of the ten highest rewards after each trial, and each rule's stop."""
    search = AskTell(problem.space, "auto", seed)
    rule = ImprovementLeft(estimate=SurrogateGain(problem.space))
    rng = np.random.default_rng([seed, 9])
    running = []
    true: dict[int, float] = {}
    found: list[float] = []
    stops: dict[float, int] = {}
    while len(found) < trials and len(stops) < len(SHARES):
        while len(running) < parallel:
            running.append(search.ask())
        proposal = running.pop(rng.integers(len(running)))
        row = None if proposal is None else problem.look_up(proposal.architecture)
        if proposal is None or row is None:
            break
        true[proposal.number] = row.true
        search.tell(proposal.number, problem.draw(row, rng) if noisy else row.true)
        found.append(max(true[trial.number] for trial in search.history.best(10)))
        span = rise(search.history.rewards)
        for share in SHARES if span else ():
            priced = replace(rule, price=share * span)
            if share not in stops and priced.check(search.history, 0.0):
                stops[share] = len(found)
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
    options = parser.parse_args()
    searches = [
        (made, *searched(made, seed, options.trials, options.parallel, options.noisy))
        for seed in range(options.seeds)
        for made in [problem(options.problem, options.data, seed)]
    ]
    print("| share of the range | stopped | median stop | median delay | in time | short |")
    print("|---|---:|---:|---:|---:|---:|")
    for share in SHARES:
        at, delays, short, in_time = [], [], 0, 0
        for made, found, stops in searches:
            if share not in stops:
                continue
            stop = stops[share]
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
        print(f"| {share:g} | {stopped} | {when} | {delay} | {in_time} | {short} |", flush=True)


if __name__ == "__main__":
    main()
