"""The default: picks a controller by what the history turns out to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from raynas.arguments import checked
from raynas.controllers.base import Controller
from raynas.controllers.surrogate import Surrogate
from raynas.controllers.surrogate_pareto import SurrogatePareto
from raynas.controllers.zero_cost_features import Scores
from raynas.space import Space
from raynas.trials import Architecture, History, Trial

__all__ = ["Auto"]


@checked
class Auto(Controller):
    """`Surrogate` for one objective, `SurrogatePareto` for several.

    docs/benchmarks/controller-results.md has the measurements behind the rule.

    Args:
        space: Space of the proposals.
        scores: Zero-cost scores that predict the reward, see `Surrogate`.
    """

    def __init__(
        self, space: Space[Any], scores: Mapping[Architecture, Scores] | None = None
    ) -> None:
        super().__init__(space)
        self.scores = scores
        self._single = Surrogate(space, scores=scores)
        self._several = SurrogatePareto(space, scores=scores)

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        return self._chosen(history).propose(history, rng)

    def propose_batch(
        self, history: History, count: int, rng: np.random.Generator
    ) -> Sequence[Architecture]:
        """See `Controller.propose_batch`."""
        return self._chosen(history).propose_batch(history, count, rng)

    def recommend(self, history: History) -> Trial | None:
        """See `Controller.recommend`."""
        return self._chosen(history).recommend(history)

    def _chosen(self, history: History) -> Controller:
        objectives = history.completed[0].objectives if history.completed else None
        return self._several if objectives and len(objectives) > 1 else self._single
