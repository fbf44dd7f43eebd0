"""A search for a front without training: asynchronous workers on a clock that jumps."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from controller_bench.protocol import Protocol

from front_bench.methods import FrontMethod
from front_bench.problems import FrontProblem
from raynas import History, Measurement, Trial
from raynas.dominance import non_dominated
from raynas.trials import BOUND, Completed, Infeasible, Outcome

__all__ = ["FrontRun", "simulate"]

EVERY = 10
"""After how many ends the front is judged."""


@dataclass
class FrontRun:
    """What happened.

    Attributes:
        shares: For each reference the hypervolume after every tenth end, by the true values of the
            trials that are on the front by what was observed.
        seconds: Mean CPU time of a proposal, with what the method did when told of ends.
        outside: How many trials were outside the bound.
    """

    shares: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    outside: int = 0


def simulate(
    problem: FrontProblem, protocol: Protocol, method: FrontMethod, seed: int, trials: int
) -> FrontRun:
    """A run of `method`; proposals see the running trials, which end in random order."""
    run, history = FrontRun(), History()
    running: list[tuple[float, int]] = []
    ended: list[int] = []
    now, asking = 0.0, True
    began = method.spent()
    while asking or running:
        while asking and len(running) < protocol.workers:
            number = len(history)
            proposed = None
            if number < trials:
                proposed = method.propose(history, np.random.default_rng([seed, number]))
            asking = proposed is not None
            if asking:
                history = history.asked(Trial(number, proposed, started=now))
                rng = np.random.default_rng([seed, number, 1])
                heapq.heappush(running, (now + float(np.exp(0.3 * rng.standard_normal())), number))
        if running:
            now, number = heapq.heappop(running)
            outcome = _trained(problem, protocol, history[number].architecture, seed, number)
            history = history.told(number, outcome, now)
            method.told(history[number])
            ended.append(number)
            if len(ended) % EVERY == 0:
                for name, share in _judged(problem, history).items():
                    run.shares.setdefault(name, []).append(round(share, 6))
    run.seconds = (method.spent() - began) / max(len(history), 1)
    run.outside = len(history.outside)
    return run


def _trained(
    problem: FrontProblem, protocol: Protocol, architecture: Any, seed: int, number: int
) -> Outcome:
    excess = problem.excess(architecture) if problem.excess else 0.0
    if excess > 0:
        return Infeasible("outside", Measurement({"cost": 1.0 + excess}), BOUND)
    rng = np.random.default_rng([seed, number, 2])
    drawn = problem.draw(architecture, rng) if protocol.noisy else problem.true(architecture)
    return Completed(Measurement({"cost": 1.0 + excess}), drawn[0], drawn)


def _judged(problem: FrontProblem, history: History) -> dict[str, float]:
    """The shares of the true values of the observed front."""
    if not history.completed:
        return dict.fromkeys(problem.references, 0.0)
    points = np.array([problem.true(trial.architecture) for trial in history.front()])
    return problem.shares(points[non_dominated(points)])
