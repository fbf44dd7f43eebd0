"""Keep thousands of workers busy, by simulation: the searcher is real, workers and clock are not.

    OMP_NUM_THREADS=1 python benchmarks/crowd.py --workers 5000 --trials 15000

A discrete-event simulation of one driver. `NASSearcher.suggest` and `on_trial_complete` run as Tune
calls them, with a journal, 30 choices and the default controller, and what they take on the CPU
passes on the simulated clock, together with what Tune itself takes for each trial (`--engine`, the
figure of docs/benchmarks/engine.md). The thread in which proposals are made shares Python's lock
with the driver: while it computes, each of the two has half the time. Trials last a minute, give or
take a fifth. A worker is idle from the end of its trial until the driver has come to hand it the
next one.

Then as many slots as `--slots` are filled at `--known` trials, which shows how long one call keeps
Tune's loop from going on.
"""

from __future__ import annotations

import argparse
import heapq
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from raynas.controllers import planner as planning
from raynas.space import choice, repeat, searchable
from raynas.tune import searcher as searching
from raynas.tune.searcher import NASSearcher

SECONDS, SPREAD, STEP = 60.0, 12.0, 0.1
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
        calls: What each call of `suggest` took on that clock.
        planning: What the thread that makes proposals still has to compute.
        planned: What it has had to compute in all.
    """

    searcher: NASSearcher
    engine: float
    clock: Callable[[], float] = time.process_time
    now: float = 0.0
    calls: list[float] = field(default_factory=list)
    asked: int = 0
    planning: float = 0.0
    planned: float = 0.0

    def start(self) -> tuple[str, dict[str, Any] | None]:
        """Hand out the next trial; without a config where there is none by now."""
        trial = TRIAL.format(self.asked)
        begun, planned, before = self.clock(), self.planned, self.now
        config = self.searcher.suggest(trial)
        self.work(self.clock() - begun - (self.planned - planned))
        self.calls.append(self.now - before)
        if config is not None:
            self.asked += 1
            self.work(self.engine)
        return trial, config

    def end(self, trial: str, value: float) -> None:
        """Take in a result."""
        begun = self.clock()
        self.searcher.on_trial_complete(trial, {"reward": value})
        self.work(self.clock() - begun)

    def work(self, seconds: float) -> None:
        """The driver computes so long, at half speed while proposals are made."""
        both = min(seconds, self.planning)
        self.planning -= both
        self.now += seconds + both

    def wait(self, until: float) -> None:
        """The driver waits."""
        self.planning = max(0.0, self.planning - (until - self.now))
        self.now = until


class Thread(Executor):
    """The thread that makes proposals: its results are there when its time has passed."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def submit(self, function: Any, /, *given: Any, **options: Any) -> Any:
        """Compute at once, to be done later."""
        begun = self._driver.clock()
        result = function(*given, **options)
        self._driver.planning = self._driver.clock() - begun
        self._driver.planned += self._driver.planning
        return Later(self._driver, result)


@dataclass
class Later:
    """What `Thread.submit` gives."""

    driver: Driver
    value: Any

    def done(self) -> bool:
        """Whether the time of the computation has passed."""
        return self.driver.planning <= 0.0

    def result(self) -> Any:
        """The result, after a wait for it."""
        self.driver.wait(self.driver.now + self.driver.planning)
        return self.value

    def exception(self) -> None:
        """None."""


def made(store: Path, workers: int) -> NASSearcher:
    """A searcher for so many workers."""
    searcher = NASSearcher(Net, metric="reward", mode="max", store=store)
    searcher.set_max_concurrency(workers)
    return searcher


@contextmanager
def driving(store: Path, workers: int, engine: float) -> Iterator[Driver]:
    """A driver whose thread for proposals, and whose sense of time, are those of the simulation."""
    driver = Driver(made(store, workers), engine)
    driver.searcher.asktell._planner.background = Thread(driver)
    simulated = SimpleNamespace(time=lambda: driver.now, monotonic=lambda: driver.now)
    computed = SimpleNamespace(monotonic=time.process_time)
    with patch.object(searching, "time", simulated), patch.object(planning, "time", computed):
        yield driver
    driver.searcher.close()


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
            driver.wait(running[0][0])
            continue
        trial, config = driver.start()
        if config is None:  # Tune's loop goes on; it waits for an event while proposals are made.
            until = driver.now + (STEP if driver.planning else 0.0)
            driver.wait(max(driver.now, min(running[0][0], until)))
            continue
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
        driver.end(trial, reward(config or {}))
    driver.calls.clear()
    begun, engine, driver.engine = driver.now, driver.engine, 0.0
    left = slots
    while left:
        _, config = driver.start()
        left -= config is not None
        if config is None and driver.planning:
            driver.wait(driver.now + STEP)
    driver.engine = engine
    return {"seconds": driver.now - begun, "longest_call": max(driver.calls)}


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
        with driving(Path(folder, "fill.log"), options.slots, options.engine) as driver:
            print(json.dumps({"filled": fill(driver, options.known, options.slots)}), flush=True)
        with driving(Path(folder, "crowd.log"), options.workers, options.engine) as driver:
            figures = simulate(driver, options.workers, options.trials)
            print(json.dumps({"simulated": figures}), flush=True)


if __name__ == "__main__":
    main()
