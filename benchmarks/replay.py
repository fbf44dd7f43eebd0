"""Replays of controllers on tables of finished trainings, kept on disk to judge rules by.

What a controller proposes depends on the rewards that it is told, so a replay belongs to a table,
a column of rewards, a controller and a seed. It is kept as the rows of the table in ask order with
the rewards told; a failed trial has the reward NaN.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.controllers import make_controller
from raynas.space import Space
from raynas.trials import Completed, Failed, History, Measurement, Outcome, Trial
from search_spaces.nasbench201 import NASBench201Cell
from search_spaces.nasbench_macro import NASBenchMacro

Floats = NDArray[np.float64]
FAILURE = Failed("injected")


@dataclass(frozen=True)
class Table:
    """A table of finished trainings.

    Args:
        path: The CSV file.
        space: Whose architectures have the column `arch` as their `key`.
    """

    path: Path
    space: Space[Any]

    @cached_property
    def _rows(self) -> list[dict[str, str]]:
        with self.path.open(newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Row number by key."""
        return {row["arch"]: number for number, row in enumerate(self._rows)}

    def column(self, name: str) -> Floats:
        """The numbers of one column; NaN where the table has none."""
        return np.array([float(row[name] or "nan") for row in self._rows])

    def columns(self, names: Sequence[str]) -> Floats:
        """Several columns, shape ``(rows, names)``; the mean of the others where one has none."""
        values = np.stack([self.column(name) for name in names], axis=1)
        return np.where(np.isnan(values), np.nanmean(values, axis=1, keepdims=True), values)


@dataclass(frozen=True)
class Scenario:
    """What a controller is told.

    Args:
        table: ``"nasbench201"`` or ``"macro"``.
        rewards: Columns of which each trial is told one at random.
        truth: Columns whose mean tells how good an architecture is.
        failures: Probability that a trial fails.
        parallel: Trials at a time; any of them may end next.
    """

    table: str
    rewards: tuple[str, ...]
    truth: tuple[str, ...]
    failures: float = 0.0
    parallel: int = 1


NB201_RUNS = ("val_200_s0", "val_200_s1", "val_200_s2")
SCENARIOS = {
    "nb201": Scenario("nasbench201", ("val_200",), ("val_200",)),
    "nb201-noisy": Scenario("nasbench201", NB201_RUNS, ("val_200",)),
    "nb201-failing": Scenario("nasbench201", NB201_RUNS, ("val_200",), failures=0.1),
    "nb201-parallel": Scenario("nasbench201", NB201_RUNS, ("val_200",), parallel=20),
    "macro": Scenario("macro", ("test_acc_0",), ("test_acc_1", "test_acc_2")),
}


def tables(folder: Path) -> dict[str, Table]:
    """The tables in `folder`."""
    return {
        "nasbench201": Table(folder / "nasbench201_cifar10.csv", Space(NASBench201Cell)),
        "macro": Table(folder / "nasbench_macro.csv", Space(NASBenchMacro)),
    }


@dataclass(frozen=True)
class Replay:
    """One search.

    Attributes:
        rows: The table's row of each trial, in ask order, shape ``(trials,)``.
        rewards: The reward told, NaN for a failure, likewise.
        told: The trials' numbers in the order in which they ended.
    """

    rows: NDArray[np.int64]
    rewards: Floats
    told: NDArray[np.int64]


def replay(table: Table, scenario: Scenario, controller: str, seed: int, trials: int) -> Replay:
    """Search `table` with `controller`."""
    columns = table.columns(scenario.rewards)
    chance = np.random.default_rng([seed, 1])
    guide = make_controller(controller, table.space)
    history, rows, rewards, order = History(), [], [], []
    flying: list[int] = []
    while len(order) < trials:
        while len(flying) < scenario.parallel and len(history) < trials:
            number = len(history)
            architecture = guide.propose(history, np.random.default_rng([seed, number]))
            history = history.asked(Trial(number, architecture))
            flying.append(number)
            rows.append(table.row_of[architecture.key])
            reward = columns[rows[-1], chance.integers(len(scenario.rewards))]
            rewards.append(np.nan if chance.random() < scenario.failures else reward)
        number = flying.pop(int(chance.integers(len(flying))))
        history = history.told(number, outcome(rewards[number]), float(len(order)))
        order.append(number)
    return Replay(np.array(rows), np.array(rewards), np.array(order))


def outcome(reward: float) -> Outcome:
    """How a trial with this reward ended."""
    return FAILURE if np.isnan(reward) else Completed(Measurement({}), float(reward))


def cached(path: Path, make: Callable[[], Replay]) -> Replay:
    """The replay kept at `path`, made where there is none."""
    if not path.exists():
        made = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished.npz")
        np.savez_compressed(unfinished, rows=made.rows, rewards=made.rewards, told=made.told)
        unfinished.replace(path)
    with np.load(path, allow_pickle=False) as kept:
        arrays: Mapping[str, Any] = {name: kept[name] for name in kept.files}
    return Replay(**arrays)
