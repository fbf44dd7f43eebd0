"""SMAC3: random forest and log expected improvement, or a Gaussian process; conditions native."""

import logging
import tempfile

import ConfigSpace
from serving import Peer, serve
from smac import BlackBoxFacade, HyperparameterOptimizationFacade, Scenario
from smac.runhistory.dataclasses import TrialValue
from smac.runhistory.enumerations import StatusType

FACADES = {"hpo": HyperparameterOptimizationFacade, "blackbox": BlackBoxFacade}


class SMAC(Peer):
    """One of `FACADES`, with its defaults. Failed trials are told as crashed."""

    def __init__(self, task):
        """Make it for `task`."""
        logging.disable(logging.WARNING)
        scenario = Scenario(
            configuration_space(task.parameters),
            deterministic=not task.noisy,
            n_trials=task.trials,
            seed=task.seed,
            output_directory=tempfile.mkdtemp(prefix="smac-"),
        )
        self.facade = FACADES[task.name](
            scenario, never_called, logging_level=False, overwrite=True
        )
        self.asked = {}
        self.worst = 0.0

    def ask(self, number):
        """See `Peer.ask`."""
        info = self.facade.ask()
        self.asked[number] = info
        return {name: int(value) for name, value in dict(info.config).items()}

    def tell(self, number, reward):
        """See `Peer.tell`."""
        if reward is None:
            value = TrialValue(cost=self.worst, status=StatusType.CRASHED)
        else:
            self.worst = max(self.worst, -reward)
            value = TrialValue(cost=-reward)
        self.facade.tell(self.asked.pop(number), value)


def never_called(config, seed=0):
    """Stands for the target function, as SMAC wants one though it is asked and told."""
    raise NotImplementedError(config, seed)


def configuration_space(parameters):
    """With a condition for each parameter that has parents."""
    space = ConfigSpace.ConfigurationSpace()
    made = {}
    for p in parameters:
        if p.ordered:
            made[p.name] = ConfigSpace.Integer(p.name, (0, p.size - 1))
        else:
            made[p.name] = ConfigSpace.Categorical(p.name, [str(i) for i in range(p.size)])
    space.add(list(made.values()))
    conditions = []
    for p in parameters:
        parts = [condition(made, parameters, p, *parent) for parent in p.parents.items()]
        if parts:
            several = len(parts) > 1
            conditions.append(ConfigSpace.OrConjunction(*parts) if several else parts[0])
    space.add(conditions)
    return space


def condition(made, parameters, child, parent, positions):
    """That `child` is active at these positions of `parent`."""
    ordered = next(p.ordered for p in parameters if p.name == parent)
    values = [position if ordered else str(position) for position in positions]
    return ConfigSpace.InCondition(made[child.name], made[parent], values)


serve(SMAC)
