"""NePS: Bayesian optimization, its automatic choice for such spaces, and regularized evolution.

Of several budgets: asynchronous successive halving, Hyperband and PriorBand, without a prior.

Flat: parameters that are not active are part of the space and ignored.
"""

import logging
import random
from functools import partial

import neps
import numpy as np
import torch
from serving import Peer, serve

ALGORITHMS = {
    "bo": neps.algorithms.bayesian_optimization,
    "evolution": neps.algorithms.neps_regularized_evolution,
}
OVER_BUDGETS = {
    "hyperband": neps.algorithms.neps_hyperband,
    "priorband": neps.algorithms.neps_priorband,
    "priorband-asha": partial(neps.algorithms.neps_priorband, base="asha"),
}
STEP = "step"


class NePS(Peer):
    """One of `ALGORITHMS` or `OVER_BUDGETS`. Failed trials are told as the exception.

    Budgets are powers of the reduction factor; each is taken as the nearest one that there is.
    """

    def __init__(self, task):
        """Make it for `task`."""
        logging.disable(logging.WARNING)
        random.seed(task.seed)
        np.random.seed(task.seed)
        torch.manual_seed(task.seed)
        torch.set_num_threads(1)
        self.names = {f"p{i}": p.name for i, p in enumerate(task.parameters)}
        fields = {f"p{i}": self.parameter(p) for i, p in enumerate(task.parameters)}
        self.steps = task.steps
        if self.steps:
            fields[STEP] = neps.IntegerFidelity(self.steps[0], self.steps[-1])
        space = type("Searched", (neps.PipelineSpace,), fields)()
        if self.steps:
            algorithm = OVER_BUDGETS[task.name](space, eta=task.reduction)
        else:
            algorithm = ALGORITHMS[task.name](space)
        self.optimizer = neps.AskAndTell(algorithm)
        self.asked = {}

    @staticmethod
    def parameter(parameter):
        """Unordered options are told as texts."""
        if parameter.ordered:
            return neps.Integer(0, parameter.size - 1)
        return neps.Categorical(tuple(str(position) for position in range(parameter.size)))

    def ask(self, number):
        """See `Peer.ask`."""
        trial = self.optimizer.ask()
        self.asked[number] = trial
        found = {}
        for key, value in trial.config.items():
            if key.startswith("ENVIRONMENT__"):
                if self.steps:
                    self.step = min(self.steps, key=lambda step: abs(step - value))
                continue
            short = key.removeprefix("SAMPLING__Resolvable.").partition("::")[0]
            found[self.names[short]] = value
        return found

    def tell(self, number, reward):
        """See `Peer.tell`."""
        result = ValueError("failed") if reward is None else -reward
        self.optimizer.tell(self.asked.pop(number), result)


serve(NePS)
