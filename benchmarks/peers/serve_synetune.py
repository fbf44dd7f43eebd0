"""Syne Tune's searchers, each with its defaults.

Its configuration spaces are flat: parameters that are not active are part of them and ignored.
"""

import datetime
import logging

import syne_tune.config_space as cs
from serving import Peer, serve
from syne_tune.backend.trial_status import Trial
from syne_tune.optimizer import baselines
from syne_tune.optimizer.schedulers.multiobjective.multi_objective_regularized_evolution import (
    MultiObjectiveRegularizedEvolution,
)
from syne_tune.optimizer.schedulers.single_fidelity_scheduler import SingleFidelityScheduler

SCHEDULERS = {"rea": "REA", "bore": "BORE", "cqr": "CQR", "kde": "TPE"}
FRONTS = {"morea": MultiObjectiveRegularizedEvolution}


class SyneTune(Peer):
    """One of `SCHEDULERS` or, for several objectives, `FRONTS`. Failures are told as errors."""

    def __init__(self, task):
        """Make it for `task`."""
        logging.disable(logging.WARNING)
        space = {p.name: self.parameter(p) for p in task.parameters}
        self.metrics = ["reward", *(f"reward{i}" for i in range(1, task.objectives))]
        if task.name in FRONTS:
            searcher = FRONTS[task.name](space, random_seed=task.seed)
            self.scheduler = SingleFidelityScheduler(
                space, self.metrics, do_minimize=False, searcher=searcher, random_seed=task.seed
            )
        else:
            make = getattr(baselines, SCHEDULERS[task.name])
            self.scheduler = make(
                config_space=space, metric="reward", do_minimize=False, random_seed=task.seed
            )
        self.asked = {}

    @staticmethod
    def parameter(parameter):
        """Unordered options are told as texts."""
        if parameter.ordered:
            return cs.randint(0, parameter.size - 1)
        return cs.choice([str(position) for position in range(parameter.size)])

    def ask(self, number):
        """See `Peer.ask`."""
        config = self.scheduler.suggest().config
        self.asked[number] = Trial(number, config, datetime.datetime.now())
        return config

    def tell(self, number, reward):
        """See `Peer.tell`."""
        trial = self.asked.pop(number)
        if reward is None:
            self.scheduler.on_trial_error(trial)
        else:
            values = reward if isinstance(reward, list) else [reward]
            self.scheduler.on_trial_complete(trial, dict(zip(self.metrics, values, strict=True)))


serve(SyneTune)
