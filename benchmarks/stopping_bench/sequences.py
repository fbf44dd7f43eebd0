"""Searches on tables of finished trainings, kept on disk so that rules can be judged on them.

What a controller proposes depends on the rewards that it is told, so a search belongs to a
scenario, a controller and a seed. Kept are, in ask order, which architecture was tried, what it is
worth and what was told of it, NaN for a failure; and the order in which trials ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from controller_bench.problem import Problem
from controller_bench.problems import problem
from numpy.typing import NDArray

from raynas.controllers import make_controller
from raynas.trials import Completed, Failed, History, Measurement, Outcome, Trial

__all__ = ["SCENARIOS", "Scenario", "Sequence", "grown", "kept", "searched"]

Floats = NDArray[np.float64]
_FAILURE = Failed("injected")


@dataclass(frozen=True)
class Scenario:
    """What a controller is told.

    Args:
        problem: A name of `controller_bench.problems`.
        near: Difference in value that does not count: 0.1 points of accuracy, or 1 % of the way
            from a random architecture to the optimum.
        noisy: Whether a trial is told the value of one training, or the mean of all.
        failures: Probability that a trial fails.
        parallel: Trials at a time; any of them may end next.
    """

    problem: str
    near: float
    noisy: bool = True
    failures: float = 0.0
    parallel: int = 1

    def made(self, data: Path | None, seed: int) -> Problem:
        """The problem for a search of this seed."""
        return problem(self.problem, data, seed)


SCENARIOS = {
    "nb201": Scenario("nb201", 0.1, noisy=False),
    "nb201-noisy": Scenario("nb201", 0.1),
    "nb201-failing": Scenario("nb201", 0.1, failures=0.1),
    "nb201-parallel": Scenario("nb201", 0.1, parallel=20),
    "macro": Scenario("macro", 0.1, noisy=False),
    "macro-noisy": Scenario("macro", 0.1),
    "synthetic-30": Scenario("synthetic-30", 0.01),
    "synthetic-100": Scenario("synthetic-100", 0.01),
}


@dataclass(frozen=True)
class Sequence:
    """A search, all arrays of shape ``(trials,)``.

    Attributes:
        architectures: A number for each different architecture, in ask order.
        values: What each is worth.
        rewards: What was told, NaN for a failure.
        told: The trials' numbers in the order in which they ended.
        parallel: Trials at a time.
    """

    architectures: NDArray[np.int64]
    values: Floats
    rewards: Floats
    told: NDArray[np.int64]
    parallel: int = 1

    def __len__(self) -> int:
        return len(self.told)


def searched(
    scenario: Scenario, controller: str, seed: int, trials: int, data: Path | None = None
) -> Sequence:
    """Search with `controller`."""
    table = scenario.made(data, seed)
    chance = np.random.default_rng([seed, 1])
    guide = make_controller(controller, table.space)
    known: dict[Any, int] = {}
    numbers, values, rewards, order = [], [], [], []
    history, flying = History(), []
    while len(order) < trials:
        while len(flying) < scenario.parallel and len(history) < trials:
            number = len(history)
            architecture = guide.propose(history, np.random.default_rng([seed, number]))
            row = table.look_up(architecture)
            if row is None:
                raise ValueError(f"{scenario.problem} has no {architecture!r}")
            history = history.asked(Trial(number, architecture))
            flying.append(number)
            numbers.append(known.setdefault(architecture, len(known)))
            values.append(row.true)
            told = table.draw(row, chance) if scenario.noisy else row.true
            rewards.append(math.nan if chance.random() < scenario.failures else told)
        number = flying.pop(int(chance.integers(len(flying))))
        history = history.told(number, _outcome(rewards[number]), float(len(order)))
        order.append(number)
    arrays = (np.array(numbers), np.array(values), np.array(rewards), np.array(order))
    return Sequence(*arrays, parallel=scenario.parallel)


def grown(sequence: Sequence) -> Iterator[History]:
    """The history after each trial that ended, as the rules saw it."""
    history = History()
    for count, number in enumerate(sequence.told.tolist()):
        while len(history) < min(count + sequence.parallel, len(sequence)):
            asked = len(history)
            history = history.asked(
                Trial(asked, int(sequence.architectures[asked]), started=float(count))
            )
        reward = float(sequence.rewards[number])
        history = history.told(number, _outcome(reward), float(count + 1))
        yield history


def _outcome(reward: float) -> Outcome:
    """How a trial with this reward ended."""
    return _FAILURE if math.isnan(reward) else Completed(Measurement({}), reward)


def kept(path: Path, make: Callable[[], Sequence]) -> Sequence:
    """The sequence in the file `path`, made where there is none."""
    if not path.exists():
        made = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished.npz")
        np.savez_compressed(unfinished, **vars(made))
        unfinished.replace(path)
    with np.load(path, allow_pickle=False) as arrays:
        held = {name: arrays[name] for name in arrays.files}
    return Sequence(**{**held, "parallel": int(held["parallel"])})
