"""How well the surrogate's own estimate of what is left to gain ends a search (`SurrogateGain`).

    python benchmarks/surrogate_gain.py --data FOLDER [--problem nb201] [--seeds 30] [--noisy]

Searches by the default controller on a table, one trial at a time; after each completed trial the
estimate is kept. For each price a search stops when the estimate is below it: printed are how many
stopped, when, how many trials after the optimum was found, how many of them by 1.5 times the trials
until then and 50, and how many ended more than 0.1 points short of the optimum.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import numpy as np
from controller_bench.problem import Problem
from controller_bench.problems import problem

from raynas import AskTell
from raynas.stopping import SurrogateGain

PRICES = (0.01, 0.003, 0.001, 0.0003, 0.0001)
LEAST = 20
NEAR = 0.1


def searched(
    problem: Problem, seed: int, trials: int, noisy: bool
) -> tuple[list[float], list[float]]:
    """True value of the best of the ten highest rewards, and the estimate, after each trial."""
    search = AskTell(problem.space, "auto", seed)
    gain = SurrogateGain(problem.space)
    rng = np.random.default_rng([seed, 9])
    true: list[float] = []
    found: list[float] = []
    gains: list[float] = []
    for _ in range(trials):
        proposal = search.ask()
        row = None if proposal is None else problem.look_up(proposal.architecture)
        if proposal is None or row is None:
            break
        true.append(row.true)
        search.tell(proposal.number, problem.draw(row, rng) if noisy else row.true)
        found.append(max(true[trial.number] for trial in search.history.best(10)))
        gains.append(gain(search.history) if len(true) >= LEAST else float("inf"))
    return found, gains


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--problem", default="nb201")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--noisy", action="store_true", help="rewards are of single trainings")
    options = parser.parse_args()
    searches = [
        (made, *searched(made, seed, options.trials, options.noisy))
        for seed in range(options.seeds)
        for made in [problem(options.problem, options.data, seed)]
    ]
    print("| price | stopped | median stop | median delay | in time | short of the optimum |")
    print("|---|---:|---:|---:|---:|---:|")
    for price in PRICES:
        stops, delays, short, in_time = [], [], 0, 0
        for made, found, gains in searches:
            stop = next((n for n, gain in enumerate(gains) if gain < price), None)
            if stop is None:
                continue
            stops.append(stop + 1)
            near = [n for n, value in enumerate(found) if value >= made.optimum - NEAR]
            if near and near[0] <= stop:
                delays.append(stop - near[0])
                in_time += stop + 1 <= 1.5 * (near[0] + 1) + 50
            else:
                short += 1
        when = f"{statistics.median(stops):.0f}" if stops else ""
        delay = f"{statistics.median(delays):.0f}" if delays else ""
        stopped = f"{len(stops)} of {len(searches)}"
        print(f"| {price:g} | {stopped} | {when} | {delay} | {in_time} | {short} |", flush=True)


if __name__ == "__main__":
    main()
