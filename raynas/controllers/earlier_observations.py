"""What an earlier search tells of a space: vectors of architectures and their rewards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raynas.controllers.acquisition import unit_of_standing
from raynas.controllers.earlier_search import EarlierSearch
from raynas.controllers.features import Features
from raynas.errors import ConfigurationError

__all__ = ["Observed", "observed"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_FEWEST = 4  # as many as a model needs, see `raynas.controllers.surrogate_model.FEWEST`


@dataclass(frozen=True)
class Observed:
    """Rewards of architectures, on one scale.

    Attributes:
        x: Vectors of the architectures, one a row.
        rewards: Rewards of the trials.
    """

    x: Matrix
    rewards: Vector

    def __len__(self) -> int:
        return len(self.rewards)

    def __getitem__(self, part: slice | NDArray[np.int64]) -> Observed:
        return Observed(self.x[part], self.rewards[part])


def observed(search: EarlierSearch, features: Features) -> list[Observed]:
    """What `search` tells of the space of `features`: for each of its budgets, longest first.

    Decisions are matched by their paths, and their options by value. A trial with an option that
    the space does not have is left out, and a decision that the earlier search did not have is
    unknown. So are budgets with fewer than four such trials, or a single reward.

    Raises:
        ConfigurationError: Nothing of it can be used.
    """
    found = []
    for budget in sorted({trial.budget for trial in search.trials}, reverse=True):
        trials = [trial for trial in search.trials if trial.budget == budget]
        x, kept = features.of_configs([trial.config for trial in trials])
        rewards = np.array([trials[place].reward for place in kept])
        if len(kept) >= _FEWEST and unit_of_standing(rewards) > 0:
            found.append(Observed(x, rewards))
    if not found:
        raise ConfigurationError(
            f"learn_from={search.name!r}: nothing of it can be used: it takes {_FEWEST} completed "
            "trials of one budget whose decisions and options this space has, and rewards that "
            "differ; leave it out, or give a search of a space with the same names"
        )
    return found
