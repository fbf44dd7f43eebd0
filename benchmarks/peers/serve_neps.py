"""NePS: Bayesian optimization, its automatic choice for such spaces, and regularized evolution.

Flat: parameters that are not active are part of the space and ignored.
"""

import logging
import random

import neps
import numpy as np
import torch
from serving import Peer, serve

ALGORITHMS = {
    "bo": neps.algorithms.bayesian_optimization,
    "evolution": neps.algorithms.neps_regularized_evolution,
}


class NePS(Peer):
    """One of `ALGORITHMS`, with its defaults. Failed trials are told as the exception."""

    def __init__(self, task):
        """Make it for `task`."""
        logging.disable(logging.WARNING)
        random.seed(task.seed)
        np.random.seed(task.seed)
        torch.manual_seed(task.seed)
        torch.set_num_threads(1)
        self.names = {f"p{i}": p.name for i, p in enumerate(task.parameters)}
        fields = {f"p{i}": self.parameter(p) for i, p in enumerate(task.parameters)}
        space = type("Searched", (neps.PipelineSpace,), fields)()
        self.optimizer = neps.AskAndTell(ALGORITHMS[task.name](space))
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
                continue
            short = key.removeprefix("SAMPLING__Resolvable.").partition("::")[0]
            found[self.names[short]] = value
        return found

    def tell(self, number, reward):
        """See `Peer.tell`."""
        result = ValueError("failed") if reward is None else -reward
        self.optimizer.tell(self.asked.pop(number), result)


serve(NePS)
