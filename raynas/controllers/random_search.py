"""Random search."""

from __future__ import annotations

import numpy as np

from raynas.arguments import checked
from raynas.controllers.base import Controller
from raynas.trials import Architecture, History

__all__ = ["Random"]


@checked
class Random(Controller):
    """Independent samples of the space, each decision uniform over its options.

    Li and Talwalkar 2019, "Random Search and Reproducibility for Neural Architecture Search",
    shows why it is the baseline to beat.
    """

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        del history
        return self.space.sample(rng)
