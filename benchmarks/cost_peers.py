"""Other libraries' searches over budgets, asked and told as `cost.py` does.

Budgets are whole numbers of steps, the lowest being 1. The reduction factor of successive halving
is the typical ratio of a budget to the one below it, so that a rung is a budget. Optuna needs no
environment of its own; Syne Tune and NePS run in those that `benchmarks/peers/install` makes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from controller_bench.protocol import PROTOCOLS
from controller_bench.served import Served

from raynas import Space

__all__ = ["PEERS", "BudgetPeer"]

ENVIRONMENTS = Path(os.environ.get("ENVIRONMENTS", Path(__file__).parent / "environments"))
MOST = 1000
"""More trainings than any run has."""


class BudgetPeer(Protocol):
    """A search over budgets, one training at a time."""

    def ask(self) -> tuple[Any, int]:
        """The next architecture and its number of steps."""

    def tell(self, reward: float) -> None:
        """What that training came to."""


def reduction(steps: Sequence[int]) -> int:
    """The typical ratio of a number of steps to the one below it."""
    return round((steps[-1] / steps[0]) ** (1 / (len(steps) - 1)))


class OptunaPruned:
    """TPE with a pruner.

    Args:
        space: What is searched.
        seed: Of its sampler, and of Hyperband's choice of brackets.
        steps: The budgets, rising.
        hyperband: Hyperband instead of asynchronous successive halving.
    """

    def __init__(
        self, space: Space[Any], seed: int, steps: Sequence[int], hyperband: bool = False
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        factor = reduction(steps)
        pruner: optuna.pruners.BasePruner = optuna.pruners.SuccessiveHalvingPruner(1, factor, 0)
        if hyperband:
            pruner = optuna.pruners.HyperbandPruner(1, steps[-1], factor)
        self.space = space
        self.steps = list(steps)
        self.study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=seed),
            pruner=pruner,
            direction="maximize",
            study_name=str(seed),
        )
        self.pruned = optuna.trial.TrialState.PRUNED
        self.left: list[int] = []

    def ask(self) -> tuple[Any, int]:
        """See `BudgetPeer.ask`."""
        if not self.left:
            self.left = list(self.steps)
            self.trial = self.study.ask()
            config = {
                column.path: self.trial.suggest_categorical(column.path, list(column.values))
                for column in self.space.columns
            }
            self.architecture = self.space.from_config(config)
        return self.architecture, self.left[0]

    def tell(self, reward: float) -> None:
        """See `BudgetPeer.tell`."""
        self.trial.report(reward, self.left.pop(0))
        if not self.left:
            self.study.tell(self.trial, reward)
        elif self.trial.should_prune():
            self.study.tell(self.trial, state=self.pruned)
            self.left = []


class ServedPeer:
    """A peer in a process of its own, see `controller_bench.served`.

    Args:
        family: Whose script `benchmarks/peers/serve_FAMILY.py` is.
        name: The algorithm, as that script calls it.
        space: What is searched.
        seed: Of its generators.
        steps: The budgets, rising.
    """

    def __init__(
        self, family: str, name: str, space: Space[Any], seed: int, steps: Sequence[int]
    ) -> None:
        conditions = PROTOCOLS["noise"]
        self.served = Served(family, name, space, seed, MOST, conditions, ENVIRONMENTS, steps=steps)
        self.number = -1

    def ask(self) -> tuple[Any, int]:
        """See `BudgetPeer.ask`."""
        self.number += 1
        return self.served.ask_step(self.number)

    def tell(self, reward: float) -> None:
        """See `BudgetPeer.tell`."""
        self.served.tell_reward(self.number, reward)


PEERS: dict[str, Callable[[Space[Any], int, Sequence[int]], BudgetPeer]] = {
    "optuna-asha": OptunaPruned,
    "optuna-hyperband": partial(OptunaPruned, hyperband=True),
    **{
        f"{family}-{name}": partial(ServedPeer, family, name)
        for family, names in {
            "synetune": ("asha", "hyperband", "bohb", "ashabore", "ashacqr"),
            "neps": ("hyperband", "priorband", "priorband-asha"),
        }.items()
        for name in names
    },
}
