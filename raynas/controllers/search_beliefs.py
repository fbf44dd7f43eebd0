"""What a search, over one budget or several, believes of its trials at the full budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from raynas.controllers.by_name import ControllerLike, make_multi_budget
from raynas.controllers.cost_limit import CostLimit
from raynas.controllers.earlier_search import EarlierSearch
from raynas.errors import ConfigurationError
from raynas.rewards import Reward
from raynas.space import Space
from raynas.trials import History, Trial

if TYPE_CHECKING:  # loads SciPy, which few commands need
    from raynas.controllers.budget_beliefs import Belief, Trust
    from raynas.controllers.multi_budget import MultiBudget

__all__ = ["SearchBeliefs", "budget_controller"]


def budget_controller(
    controller: ControllerLike,
    space: Space[Any],
    reward: Reward,
    budgets: Sequence[float],
    limit: CostLimit,
    earlier: Sequence[EarlierSearch],
) -> MultiBudget | None:
    """The controller of a search over budgets, or of one that learns; None where it is neither.

    Args:
        controller: What the user gave.
        space: What is searched.
        reward: The reward of the search.
        budgets: Shares of a full training, rising to 1.
        limit: What the search may spend.
        earlier: Searches that it learns from.

    Raises:
        ConfigurationError: The reward has several objectives, or the controller can do neither.
    """
    several = len(budgets) > 1
    if not several and not earlier:
        return None
    if len(reward.objectives) > 1:
        what = (
            f"budgets={tuple(budgets)}: a search over budgets"
            if several
            else "learn_from: a search that learns from others"
        )
        raise ConfigurationError(
            f"{what} has one objective, and {reward!r} has {len(reward.objectives)}; omit "
            f"{'budgets' if several else 'learn_from'}, or give a reward of one objective"
        )
    return make_multi_budget(controller, space, budgets, limit, earlier)


class SearchBeliefs:
    """Posterior beliefs of a search over budgets; of any other search there are none.

    Args:
        controller: The controller whose posterior it is; None where there is no such model.
    """

    def __init__(self, controller: MultiBudget | None) -> None:
        self._controller = controller

    def beliefs(self, history: History, count: int, more: Sequence[Trial]) -> list[Belief]:
        """What is believed of the best at the full budget; empty without a model.

        Args:
            history: The trials of the search.
            count: How many are wanted.
            more: Full trainings that count as well.
        """
        if self._controller is None:
            return []
        beliefs = self._controller.beliefs(_with(history, more), count)
        if not more:
            return beliefs
        own = {t.architecture: t for t in sorted(history.completed, key=lambda t: t.budget)}
        return [replace(b, trial=own.get(b.trial.architecture, b.trial)) for b in beliefs]

    def believed(self, history: History) -> History:
        """What a shortlist goes by: see `MultiBudget.believed`; without a model the history."""
        return history if self._controller is None else self._controller.believed(history)

    def trust(self, history: History, more: Sequence[Trial]) -> list[Trust]:
        """How far each lower budget goes with the full one; see `beliefs` for the arguments."""
        return [] if self._controller is None else self._controller.trust(_with(history, more))

    def limit_to(self, trainings: float | None, trials: float) -> None:
        """Make proposals and the final choice go by other limits.

        Args:
            trainings: What all proposals may cost, in full trainings; None for no limit.
            trials: How many proposals there will be.
        """
        if self._controller is not None:
            self._controller.limit = CostLimit(math.inf if trainings is None else trainings, trials)


def _with(history: History, more: Sequence[Trial]) -> History:
    """The history and further full trainings, as if the search had made them."""
    added = (replace(t, number=n, budget=1.0) for n, t in enumerate(more, len(history)))
    return History((*history, *added), history.shown_as) if more else history
