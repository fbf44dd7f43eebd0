"""What an earlier search tells of a space: vectors of architectures and their rewards."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.controllers.acquisition import unit_of_standing
from raynas.controllers.earlier_search import EarlierSearch
from raynas.controllers.features import Features
from raynas.controllers.subsampling import FEWEST
from raynas.errors import ConfigurationError, SpaceError
from raynas.space import Space
from raynas.trials import Architecture, Trial

__all__ = ["Observed", "best_before", "observed"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_NUMBERED_FROM = 1_000_000
"""Numbers of architectures of earlier searches, which are no trials of this one."""


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

    Where trials were ended early, there is one more: all trials, by the ranks of their curves.

    Decisions are matched by their paths, and their options by value. A trial with an option that
    the space does not have is left out, and a decision that the earlier search did not have is
    unknown. So are budgets with fewer than four such trials, or a single reward.

    Raises:
        ConfigurationError: Nothing of it can be used.
    """
    found = []
    budgets = sorted({trial.budget for trial in search.trials}, reverse=True)
    groups = [[trial for trial in search.trials if trial.budget == budget] for budget in budgets]
    for trials in (*groups, search.ranked):
        x, kept = features.of_configs([trial.config for trial in trials])
        rewards = np.array([trials[place].reward for place in kept])
        if len(kept) >= FEWEST and unit_of_standing(rewards) > 0:
            found.append(Observed(x, rewards))
    if not found:
        raise ConfigurationError(
            f"learn_from={search.name!r}: nothing of it can be used: it takes {FEWEST} completed "
            "trials of one budget whose decisions and options this space has, and rewards that "
            "differ; leave it out, or give a search of a space with the same names"
        )
    return found


def best_before(searches: Sequence[EarlierSearch], space: Space[Any], count: int) -> list[Trial]:
    """The `count` best architectures of each of the searches, as far as the space has them."""
    found: dict[Architecture, None] = {}
    for search in searches:
        best = sorted(search.trials, key=lambda trial: (trial.budget, trial.reward), reverse=True)
        for trial in best[:count]:
            with suppress(SpaceError):
                found[space.canonical(space.from_config(trial.config))] = None
    return [Trial(_NUMBERED_FROM + i, architecture) for i, architecture in enumerate(found)]
