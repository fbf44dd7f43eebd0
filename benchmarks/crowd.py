"""Keep thousands of workers busy, by simulation: the searcher is real, workers and clock are not.

    OMP_NUM_THREADS=1 python benchmarks/crowd.py --workers 5000 --trials 15000

A discrete-event simulation of one driver. `NASSearcher.suggest` and `on_trial_complete` run as Tune
calls them, with a journal, 30 choices and the default controller, and what they take on the CPU
passes on the simulated clock, together with what Tune itself takes for each trial (`--engine`, the
figure of docs/benchmarks/engine.md). Trials last a minute, give or take a fifth. A worker is idle
from the end of its trial until the driver has come to hand it the next one.

Then as many slots as `--slots` are filled at `--known` trials, which shows how long one call keeps
Tune's loop from going on.
"""

from __future__ import annotations

import argparse
import heapq
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from raynas.space import choice, repeat, searchable
from raynas.tune.searcher import NASSearcher

SECONDS, SPREAD = 60.0, 12.0
TRIAL = "trial-{}"


@searchable
class Net:
    """An architecture of 30 choices."""

    ops: tuple[str, ...] = repeat(choice("a", "b", "c", "d"), 30)


def reward(config: dict[str, Any]) -> float:
    """What a trial measures: how many choices are the right ones, and which of them go together."""
    ops = [value for key, value in sorted(config.items()) if key != "trial_number"]
    return float(ops.count("a") + 0.5 * sum(x == y for x, y in pairwise(ops)))


@dataclass
class Driver:
    """A driver's searcher, and the simulated time at which it is done with what it was given.

    Attributes:
        searcher: Under test.
        engine: Seconds that Tune takes a trial, besides the searcher.
        clock: Measures the searcher.
        now: Simulated seconds.
        calls: What each call of `suggest` took.
    """

    searcher: NASSearcher
    engine: float
    clock: Callable[[], float] = time.process_time
    now: float = 0.0
    calls: list[float] = field(default_factory=list)
    asked: int = 0

    def start(self) -> tuple[str, dict[str, Any]]:
        """Hand out the next trial."""
        trial = TRIAL.format(self.asked)
        self.asked += 1
        begun = self.clock()
        config = self.searcher.suggest(trial)
        self.calls.append(self.clock() - begun)
        self.now += self.calls[-1] + self.engine
        return trial, config

    def end(self, trial: str, value: float) -> None:
        """Take in a result."""
        begun = self.clock()
        self.searcher.on_trial_complete(trial, {"reward": value})
        self.now += self.clock() - begun


def made(store: Path, workers: int) -> NASSearcher:
    """A searcher for so many workers."""
    searcher = NASSearcher(Net, metric="reward", store=store)
    searcher.set_max_concurrency(workers)
    return searcher


def simulate(driver: Driver, workers: int, trials: int, seed: int = 0) -> dict[str, float]:
    """Run `trials` on `workers`; how busy these were from their first trial's end to the last."""
    rng = np.random.default_rng(seed)
    running: list[tuple[float, str, float]] = []
    spans: list[tuple[float, float]] = []
    free = workers
    while driver.asked < trials:
        while running and running[0][0] <= driver.now:
            _, trial, value = heapq.heappop(running)
            driver.end(trial, value)
            free += 1
        if free == 0:
            driver.now = running[0][0]
            continue
        trial, config = driver.start()
        free -= 1
        end = driver.now + max(1.0, rng.normal(SECONDS, SPREAD / 2))
        spans.append((driver.now, end))
        heapq.heappush(running, (end, trial, reward(config)))
        if driver.asked % 1000 == 0:
            print(driver.asked, f"{driver.now:.0f} s, {free} free", flush=True)
    # From when the last worker has its first trial until nobody is given one any more.
    begin, over = spans[workers - 1][0], driver.now
    busy = sum(max(0.0, min(end, over) - max(start, begin)) for start, end in spans)
    return {
        "busy": busy / (workers * (over - begin)),
        "rate": (trials - workers) / (over - begin),
        "filled_seconds": begin,
        "longest_call": max(driver.calls),
    }


def fill(driver: Driver, known: int, slots: int) -> dict[str, float]:
    """Fill `slots` at once when `known` trials have ended."""
    for _ in range(known):
        trial, config = driver.start()
        driver.end(trial, reward(config))
    driver.calls.clear()
    for _ in range(slots):
        driver.start()
    return {"seconds": sum(driver.calls), "longest_call": max(driver.calls)}


def main() -> None:
    """Simulate, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=5000)
    parser.add_argument("--trials", type=int, default=15000)
    parser.add_argument("--engine", type=float, default=0.0077, help="Tune's seconds a trial.")
    parser.add_argument("--known", type=int, default=1000)
    parser.add_argument("--slots", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="crowd-") as folder:
        driver = Driver(made(Path(folder, "fill.log"), options.slots), options.engine)
        print(json.dumps({"filled": fill(driver, options.known, options.slots)}), flush=True)
        driver = Driver(made(Path(folder, "crowd.log"), options.workers), options.engine)
        figures = simulate(driver, options.workers, options.trials)
        print(json.dumps({"simulated": figures}), flush=True)


if __name__ == "__main__":
    main()
