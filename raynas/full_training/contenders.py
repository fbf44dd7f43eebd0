"""Which architectures of a search over budgets are worth another full training."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from raynas.analysis.beliefs import new_full_trainings
from raynas.asktell import AskTell
from raynas.full_training.listed import Listed
from raynas.shortlist import planned
from raynas.space import Space
from raynas.trials import Architecture, History

__all__ = ["Chances", "Contenders", "chances_of", "shortlisted"]

_SHORTLISTED, _CONTENDER = 10, 0.1
"""Probability of being the best from which on an architecture is worth a full training."""

Chances = Callable[[History], Mapping[Architecture, float]]
"""From the full trainings so far to the probability of each architecture of being the best."""


class Contenders(Listed):
    """Proposes those of a list that may still be the best, the most probable one first.

    It has nothing more to propose once all others are the best with a probability of less than a
    tenth: another full training is not worth its cost then.

    Args:
        space: What they are members of.
        architectures: The list.
        chances: Probabilities of being the best.
        always: What is trained however improbable it is, such as a baseline and the first.
    """

    def __init__(
        self,
        space: Space[Any],
        architectures: Sequence[Architecture],
        chances: Chances,
        always: Collection[Architecture | None] = (),
    ) -> None:
        super().__init__(space, architectures)
        self.chances = chances
        self.always = always

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        del rng
        left = planned(self.architectures, self.seeds, history)
        first = next((architecture for architecture in left if architecture in self.always), None)
        if first is not None or not left:
            return first
        chances = self.chances(history)
        best = max(left, key=lambda architecture: chances.get(architecture, 0.0))
        return best if chances.get(best, 0.0) >= _CONTENDER else None


def chances_of(stage1: AskTell[Any]) -> Chances | None:
    """Probabilities by the model of a search over budgets; None where it has a single budget.

    Args:
        stage1: The search, which may be closed by now.
    """
    if len(stage1.budgets) == 1:
        return None

    def chances(full: History) -> dict[Architecture, float]:
        new = new_full_trainings(stage1, full) or ()
        count = len(stage1.history) + len(new)
        return {b.trial.architecture: b.probability for b in stage1.beliefs(count, new)}

    return chances


def shortlisted(stage1: AskTell[Any]) -> int:
    """How many architectures are trained in full if nobody says so.

    Ten; of a search over budgets as many as it takes to have those of the ten that are the best
    with a probability of a tenth or more.
    """
    if len(stage1.budgets) == 1:
        return _SHORTLISTED
    chances = [belief.probability for belief in stage1.beliefs(_SHORTLISTED)]
    return 1 + max((n for n, chance in enumerate(chances) if chance >= _CONTENDER), default=0)
