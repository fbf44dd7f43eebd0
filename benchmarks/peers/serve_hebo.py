"""HEBO, with its defaults. Flat: parameters that are not active are ignored."""

import warnings

import numpy as np
import pandas as pd
import torch
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO
from serving import Peer, serve


class Hebo(Peer):
    """Failed trials are told the worst loss so far."""

    def __init__(self, task):
        """Make it for `task`."""
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        np.random.seed(task.seed)
        torch.manual_seed(task.seed)
        space = DesignSpace().parse([self.parameter(p) for p in task.parameters])
        self.optimizer = HEBO(space, scramble_seed=task.seed)
        self.asked = {}
        self.worst = 0.0

    @staticmethod
    def parameter(p):
        """An integer or a categorical."""
        if p.ordered:
            return {"name": p.name, "type": "int", "lb": 0, "ub": p.size - 1}
        return {"name": p.name, "type": "cat", "categories": list(range(p.size))}

    def ask(self, number):
        """See `Peer.ask`."""
        self.asked[number] = self.optimizer.suggest(n_suggestions=1)
        return self.asked[number].iloc[0].to_dict()

    def tell(self, number, reward):
        """See `Peer.tell`."""
        loss = self.worst if reward is None else -reward
        self.worst = max(self.worst, loss) if reward is not None else self.worst
        asked: pd.DataFrame = self.asked.pop(number)
        self.optimizer.observe(asked, np.array([[loss]]))


serve(Hebo)
