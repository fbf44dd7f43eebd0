"""Proposals within bounds on metrics.

A bound on a metric that is free to know, such as the number of parameters, is asked before an
architecture is proposed: controllers see a space of what is within. A bound on a metric that takes
a measurement, such as a latency, is learned from the trials that were found outside it. Until a
model of the rewards can be fitted, a surrogate searches for the smallest violation, as the feasible
part may be a small one (the first phase of Gelbart, Snoek and Adams 2014, "Bayesian Optimization
with Unknown Constraints", UAI, section 3.3); from then on the controller's own acquisition weighs
in the probability of feasibility.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from raynas import controllers
from raynas.controllers.base import Controller
from raynas.controllers.deduplicated import Deduplicated
from raynas.controllers.feasible import FeasibleSpace, total_excess
from raynas.space import Space
from raynas.trials import BOUND, Architecture, Completed, History, Infeasible, Measurement, Trial

__all__ = ["BoundedProposals", "WithinBounds"]

Proposing: TypeAlias = Callable[[History, np.random.Generator], Architecture | None]

_ATTEMPTS = 50  # chosen by hand: repeats of a controller are rare
_FEWEST, _FIRST = 4, 8
"""As many as a model needs, and as many outside as tell a search that it is in the wrong place."""
_NO_COST = 0.0  # budget of what is only thought to have been tried


class BoundedProposals:
    """Keeps what a search proposes within bounds.

    Args:
        space: The part of the space within the bounds that are free to know.
    """

    def __init__(self, space: FeasibleSpace) -> None:
        self._space = space

    @cached_property
    def _seeker(self) -> Controller:
        return Deduplicated(controllers.Surrogate(self._space))

    def proposed(
        self,
        propose: Proposing,
        history: History,
        rng: np.random.Generator,
        *,
        otherwise: Proposing | None = None,
        seeks: bool = True,
    ) -> Architecture | None:
        """What `propose` gives within bounds; None where it gives none.

        Args:
            propose: Proposes by a history, as a controller does.
            history: All trials.
            rng: A generator of this proposal's own.
            otherwise: Proposes within bounds where `propose` finds nothing there; by default a
                random architecture.
            seeks: Whether a search that is lost looks for the smallest violation instead.
        """
        if seeks and self.is_lost(history):
            propose, history = self._seeker.propose, self._violations(history)
        for _ in range(_ATTEMPTS):
            proposed = propose(history, rng)
            if proposed is None or self._space.allows(proposed):
                return proposed
            if proposed not in history.architectures:
                known = Measurement(self._space.metrics(proposed))
                outcome = Infeasible("outside a bound that is free to know", known, BOUND)
                thought = Trial(len(history), proposed, outcome, budget=_NO_COST)
                history = history.asked(thought)
        return (otherwise or self._random)(history, rng)

    def is_lost(self, history: History) -> bool:
        """Whether trials are found outside, and too few within for a model of the rewards."""
        return len(history.completed) < _FEWEST and len(history.outside) >= _FIRST

    def _random(self, history: History, rng: np.random.Generator) -> Architecture:
        drawn = [self._space.canonical(self._space.sample(rng)) for _ in range(_ATTEMPTS)]
        inside = [one for one in drawn if self._space.allows(one)] or drawn
        return next((one for one in inside if one not in history.architectures), inside[0])

    def _violations(self, history: History) -> History:
        """`history` with the violation of the bounds, negated, in place of each reward."""
        return History([self._rewarded(trial) for trial in history])

    def _rewarded(self, trial: Trial) -> Trial:
        match trial.outcome:
            case Infeasible(kind="bound", measurement=Measurement() as measured):
                violation = total_excess(self._space.bounds, measured.metrics)
            case Completed():
                violation = 0.0
            case _:
                return trial
        return replace(trial, outcome=Completed(Measurement({}), -violation))


class WithinBounds(Controller):
    """Passes on only proposals within bounds, as far as those are free to know.

    Args:
        space: The part of what the search is over that is within.
        make: Makes the controller that proposes, for that part.
        seeks: Whether to begin with a search for the smallest violation of the other bounds.
    """

    def __init__(
        self, space: FeasibleSpace, make: Callable[[Space[Any]], Controller], seeks: bool
    ) -> None:
        super().__init__(space)
        self._within = space
        self._bounded = BoundedProposals(space)
        self._make = make
        self._seeks = seeks

    @cached_property
    def controller(self) -> Controller:
        """Who proposes; made when first asked, as some look at what the space holds."""
        return self._make(self._within)

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        return self._bounded.proposed(self.controller.propose, history, rng, seeks=self._seeks)

    def propose_batch(
        self, history: History, count: int, rng: np.random.Generator
    ) -> Sequence[Architecture]:
        """See `Controller.propose_batch`."""
        if self._seeks and self._bounded.is_lost(history):
            return super().propose_batch(history, count, rng)
        proposed = self.controller.propose_batch(history, count, rng)
        inside = [architecture for architecture in proposed if self._within.allows(architecture)]
        return inside or super().propose_batch(history, count, rng)

    def recommend(self, history: History) -> Trial | None:
        """See `Controller.recommend`."""
        return self.controller.recommend(history)
