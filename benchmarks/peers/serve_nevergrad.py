"""Nevergrad: its automatic choice of optimizer, and those it has for discrete spaces.

A branch of a ``Choice`` keeps and mutates its parameters while another one is chosen, so that a
flat dictionary of all parameters is the same search.
"""

import nevergrad as ng
from serving import Peer, serve

NAMES = {
    "ngopt": "NGOpt",
    "discrete": "DiscreteOnePlusOne",
    "portfolio": "PortfolioDiscreteOnePlusOne",
    "fastga": "DoubleFastGADiscreteOnePlusOne",
}


class Nevergrad(Peer):
    """One of `NAMES`. Failed trials are told the worst loss so far."""

    def __init__(self, task):
        """Make it for `task`."""
        space = ng.p.Dict(**{p.name: self.parameter(p) for p in task.parameters})
        space.random_state.seed(task.seed)
        optimizer = ng.optimizers.registry[NAMES[task.name]]
        self.optimizer = optimizer(space, budget=task.trials, num_workers=task.workers)
        self.asked = {}
        self.worst = 0.0

    @staticmethod
    def parameter(parameter):
        """An ordered one moves to neighbors."""
        kind = ng.p.TransitionChoice if parameter.ordered else ng.p.Choice
        return kind(list(range(parameter.size)))

    def ask(self, number):
        """See `Peer.ask`."""
        self.asked[number] = self.optimizer.ask()
        return self.asked[number].value

    def tell(self, number, reward):
        """See `Peer.tell`."""
        loss = self.worst if reward is None else -reward
        self.worst = max(self.worst, loss) if reward is not None else self.worst
        self.optimizer.tell(self.asked.pop(number), loss)


serve(Nevergrad)
