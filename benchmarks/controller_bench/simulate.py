"""A search without training: asynchronous workers on a clock that jumps from end to end."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from controller_bench.method import Method
from controller_bench.problem import Problem, Row
from controller_bench.protocol import Protocol, failing_pairs, fails
from raynas import History, Measurement, Trial
from raynas.trials import Completed, Infeasible, Outcome

__all__ = ["Run", "simulate"]

EVERY = 25
"""After how many ends the recommendation is asked for."""


@dataclass
class Run:
    """What happened, in the order in which trials ended.

    Attributes:
        true: True value of each trial that ended; None where it was infeasible.
        test: For each, the test value of the incumbent: the trial with the best reward so far.
        recommended: True and test value of what the method recommends, by number of ends.
        seconds: CPU time of each proposal, in the order of asking, with what the method did
            since the last one when told of ends. The wall time of a quiet machine, as methods are
            kept to one thread.
        distinct: How many different architectures were tried.
    """

    true: list[float | None] = field(default_factory=list)
    test: list[float | None] = field(default_factory=list)
    recommended: dict[int, tuple[float, float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    distinct: int = 0


def simulate(
    problem: Problem,
    protocol: Protocol,
    method: Method,
    seed: int,
    trials: int,
) -> tuple[Run, History]:
    """A run of `method`.

    Proposals are asked for as soon as a worker is free, and see the running trials. A trial runs
    as long as the table says, up to a factor drawn for it (lognormal, 0.1). An architecture that
    is proposed again is trained again: it counts, and where there is noise has another reward.

    Args:
        problem: What is searched.
        protocol: Under which conditions.
        method: A fresh one.
        seed: With a trial's number it makes the generators of its proposal and of its reward.
        trials: How many are asked for; fewer where the method has none left.
    """
    return _Simulation(problem, protocol, method, seed).run(trials)


class _Simulation:
    def __init__(
        self,
        problem: Problem,
        protocol: Protocol,
        method: Method,
        seed: int,
    ) -> None:
        self.problem, self.protocol, self.method = problem, protocol, method
        self.seed = seed
        self.pairs = failing_pairs(problem, protocol.failures) if protocol.failures else ()
        self.history, self.result = History(), Run()
        self.running: list[tuple[float, int, Outcome, Row | None]] = []
        self.now, self.telling = 0.0, 0.0
        self.best: tuple[float, Row] | None = None

    def run(self, trials: int) -> tuple[Run, History]:
        asking = True
        while asking or self.running:
            while asking and len(self.running) < self.protocol.workers:
                asking = len(self.history) < trials and self.ask()
            if self.running:
                self.end()
            while self.running and self.protocol.generations:
                self.end()
        self.result.distinct = len(self.history.architectures)
        return self.result, self.history

    def ask(self) -> bool:
        number = len(self.history)
        began = self.method.spent()
        generator = np.random.default_rng([self.seed, number])
        architecture = self.method.propose(self.history, generator)
        self.result.seconds.append(self.method.spent() - began + self.telling)
        self.telling = 0.0
        if architecture is None:
            return False
        self.history = self.history.asked(Trial(number, architecture, started=self.now))
        outcome, row, seconds = self.train(number, architecture)
        heapq.heappush(self.running, (self.now + seconds, number, outcome, row))
        return True

    def train(self, number: int, architecture: Any) -> tuple[Outcome, Row | None, float]:
        rng = np.random.default_rng([self.seed, number, 1])
        row = self.problem.look_up(architecture)
        if row is None or fails(self.problem, self.pairs, architecture):
            return Infeasible("fails"), None, float(rng.uniform())
        reward = self.problem.draw(row, rng) if self.protocol.noisy else row.true
        seconds = row.seconds * float(np.exp(0.1 * rng.standard_normal()))
        measurement = Measurement({"reward": reward}, seconds)
        return Completed(measurement, reward), row, seconds

    def end(self) -> None:
        self.now, number, outcome, row = heapq.heappop(self.running)
        self.history = self.history.told(number, outcome, self.now)
        began = self.method.spent()
        self.method.told(self.history[number])
        self.telling += self.method.spent() - began
        ends = len(self.result.true)
        beaten = self.best[0] if self.best else -np.inf
        if row is not None and isinstance(outcome, Completed) and outcome.reward > beaten:
            self.best = (outcome.reward, row)
        self.result.true.append(row.true if row else None)
        self.result.test.append(self.best[1].test if self.best else None)
        if (ends + 1) % EVERY == 0:
            self.recommend(ends + 1)

    def recommend(self, ends: int) -> None:
        trial = self.method.recommend(self.history)
        row = self.problem.look_up(trial.architecture) if trial else None
        if row is not None:
            self.result.recommended[ends] = (row.true, row.test)
