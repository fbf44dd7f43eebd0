"""How the time of a proposal and the memory grow with the history.

Each figure is of a process of its own: a history of random architectures is built, the method
proposes (cold), and then again after each of a few more results (warm).
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from controller_bench.method import Method, make_method
from controller_bench.protocol import PROTOCOLS
from controller_bench.synthetic import synthetic
from raynas import History, Measurement, Trial
from raynas.trials import Completed

__all__ = ["Cost", "costs", "scale_table"]

MORE = 5
"""How many proposals are measured after the first."""


@dataclass(frozen=True)
class Cost:
    """What a proposal costs at a history.

    Attributes:
        method: Whose.
        decisions: Size of the synthetic space.
        trials: Length of the history.
        cold: CPU seconds of the first proposal of a fresh controller.
        warm: Median CPU seconds of the next ones, each after another result.
        memory: MiB that the process grew by while proposing.
    """

    method: str
    decisions: int
    trials: int
    cold: float
    warm: float
    memory: float


def costs(methods: list[str], sizes: list[int], lengths: list[int]) -> list[Cost]:
    """Of every combination."""
    context = multiprocessing.get_context("spawn")
    found = []
    for decisions in sizes:
        for trials in lengths:
            for method in methods:
                with context.Pool(1) as pool:
                    found.append(pool.apply(_cost, (method, decisions, trials)))
                print(found[-1], flush=True)
    return found


def scale_table(found: list[Cost]) -> str:
    """A Markdown table."""
    head = "| decisions | trials | method | ms a proposal, first | next ones | MiB |"
    rows = [
        f"| {c.decisions} | {c.trials:,} | {c.method} | {1e3 * c.cold:.3g} | {1e3 * c.warm:.3g} "
        f"| {c.memory:.0f} |"
        for c in sorted(found, key=lambda c: (c.decisions, c.trials, c.warm))
    ]
    return "\n".join([head, "|--:|--:|---|--:|--:|--:|", *rows]) + "\n"


def _cost(name: str, decisions: int, trials: int) -> Cost:
    problem = synthetic(decisions, 0)
    rng = np.random.default_rng([decisions, trials])
    history = _history(problem, trials, rng)
    method = make_method(name, problem.space, 0, trials + MORE, PROTOCOLS["mean"])
    _catch_up(method, history)
    before = _peak()
    seconds = []
    for number in range(trials, trials + 1 + MORE):
        began = time.process_time()
        architecture = method.propose(history, np.random.default_rng([0, number]))
        seconds.append(time.process_time() - began)
        history = history.asked(Trial(number, architecture))
        history = history.told(number, _outcome(problem, architecture), 0.0)
        began = time.process_time()
        method.told(history[number])
        seconds[-1] += time.process_time() - began
    cold, warm = seconds[0], float(np.median(seconds[1:]))
    return Cost(name, decisions, trials, cold, warm, _peak() - before)


def _history(problem: Any, trials: int, rng: np.random.Generator) -> History:
    nets = [problem.space.sample(rng) for _ in range(trials)]
    return History(tuple(Trial(i, net, _outcome(problem, net)) for i, net in enumerate(nets)))


def _outcome(problem: Any, net: Any) -> Completed:
    value = problem.look_up(net).true
    return Completed(Measurement({"reward": value}), value)


def _catch_up(method: Method, history: History) -> None:
    """Peers keep a history of their own."""
    replay = getattr(method, "replay", None)
    if replay is not None:
        replay(history)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
