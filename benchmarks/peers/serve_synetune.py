"""Syne Tune's searchers, each with its defaults.

Its configuration spaces are flat: parameters that are not active are part of them and ignored.
"""

import datetime
import logging

import numpy as np
import syne_tune.config_space as cs
from serving import Peer, serve
from syne_tune.backend.trial_status import Trial
from syne_tune.optimizer import baselines
from syne_tune.optimizer.scheduler import SchedulerDecision
from syne_tune.optimizer.schedulers.multiobjective.multi_objective_regularized_evolution import (
    MultiObjectiveRegularizedEvolution,
)
from syne_tune.optimizer.schedulers.single_fidelity_scheduler import SingleFidelityScheduler

SCHEDULERS = {"rea": "REA", "bore": "BORE", "cqr": "CQR", "kde": "TPE"}
FRONTS = {"morea": MultiObjectiveRegularizedEvolution}
HALVING = {name.lower(): name for name in ("ASHA", "BOHB", "ASHABORE", "ASHACQR")}


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


class Halving(Peer):
    """One of `HALVING`, or ``"hyperband"``: ASHA with as many brackets as there are budgets.

    A trial that is not stopped goes on at the next budget at once.
    """

    def __init__(self, task):
        """Make it for `task`."""
        logging.disable(logging.WARNING)
        np.random.seed(task.seed)  # brackets are drawn from it
        several = task.name == "hyperband"
        make = getattr(baselines, HALVING["asha" if several else task.name])
        self.steps = task.steps
        self.scheduler = make(
            config_space={p.name: SyneTune.parameter(p) for p in task.parameters},
            metric="reward",
            time_attr="step",
            max_t=task.steps[-1],
            do_minimize=False,
            random_seed=task.seed,
            grace_period=task.steps[0],
            reduction_factor=task.reduction,
            brackets=len(task.steps) if several else 1,
        )
        self.trial = None

    def ask(self, number):
        """See `Peer.ask`."""
        if self.trial is None:
            config = self.scheduler.suggest().config
            self.trial = Trial(number, config, datetime.datetime.now())
            self.scheduler.on_trial_add(self.trial)
            self.left = list(self.steps)
        self.step = self.left.pop(0)
        return self.trial.config

    def tell(self, number, reward):
        """See `Peer.tell`."""
        del number
        result = {"reward": reward, "step": self.step}
        decision = self.scheduler.on_trial_result(self.trial, result)
        if decision == SchedulerDecision.STOP or not self.left:
            self.scheduler.on_trial_remove(self.trial)
            self.trial = None


serve(lambda task: (Halving if task.steps else SyneTune)(task))
