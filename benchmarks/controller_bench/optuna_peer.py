"""Optuna's samplers, each with its own defaults.

TPE is asked define-by-run, as it models conditional parameters. The Gaussian process and NSGA-II
model only parameters that all trials have, so they get all parameters of all branches, and those
that are not active are ignored. A failed trial is told as such.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import optuna

from controller_bench.flat import FlatSpace
from controller_bench.method import Method
from raynas import History, Space, Trial
from raynas.bridges.optuna import suggest, to_optuna, to_params

__all__ = ["OptunaPeer"]

SAMPLERS = {
    "tpe": optuna.samplers.TPESampler,
    "gp": optuna.samplers.GPSampler,
    "nsga2": optuna.samplers.NSGAIISampler,
    "random": optuna.samplers.RandomSampler,
}


class OptunaPeer(Method):
    """One of `SAMPLERS`.

    Args:
        name: Which.
        space: What it searches.
        seed: Of its generator.
    """

    def __init__(self, name: str, space: Space[Any], seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", module="optuna")
        self.study = optuna.create_study(sampler=SAMPLERS[name](seed=seed), direction="maximize")
        self.space = space
        self.flat = None if name in ("tpe", "random") else FlatSpace(space)
        self.names = {p.name: p.values for p in self.flat.parameters} if self.flat else {}

    def propose(self, history: History, rng: np.random.Generator) -> Any:
        """See `Method.propose`."""
        del history, rng
        if self.flat is None:
            return suggest(self.space, self.study.ask())
        values = self.study.ask(to_optuna(self.space)).params
        positions = {name: options.index(values[name]) for name, options in self.names.items()}
        return self.flat.architecture(positions)

    def replay(self, history: History) -> None:
        """Take over the completed trials of `history`, as if they had been asked for."""
        distributions = to_optuna(self.space)
        for trial in history.completed:
            params = to_params(self.space, trial.architecture)
            active = {name: distributions[name] for name in params}
            made = optuna.trial.create_trial(
                params=params, distributions=active, value=trial.reward
            )
            self.study.add_trial(made)

    def told(self, trial: Trial) -> None:
        """See `Method.told`."""
        if trial.reward is None:
            self.study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(trial.number, trial.reward)
