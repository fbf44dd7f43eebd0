"""Nothing is trained that is known to be too large."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from raynas.arguments import checked
from raynas.controllers.base import Controller
from raynas.errors import ConfigurationError, SpaceError
from raynas.trials import Architecture, History, Infeasible, Trial
from raynas.wording import counted

__all__ = ["CheapConstraints"]


@checked
class CheapConstraints(Controller):
    """Passes on only proposals that hold all constraints, which cost little to check.

    A proposal that breaks one is asked for anew. Where the wrapped controller repeats it, since it
    draws nothing at random, it sees all refused architectures as infeasible trials. After
    `attempts` refusals random architectures are proposed.

    Put `Deduplicated` inside, not around.

    Args:
        controller: Controller whose proposals are filtered.
        *constraints: Each from an architecture to whether it may be trained; pure, such as
            ``lambda net: parameters(net) <= 5e6``. Verdicts are kept.
        attempts: How many refusals to bear, at least 1.

    Raises:
        ConfigurationError: There is no constraint, one cannot be called, or `attempts` is below 1.
    """

    def __init__(
        self,
        controller: Controller,
        *constraints: Callable[[Architecture], bool],
        attempts: int = 1000,
    ) -> None:
        super().__init__(controller.space)
        if not constraints:
            raise ConfigurationError("CheapConstraints has no constraint: give at least one")
        for constraint in constraints:
            if not callable(constraint):
                raise ConfigurationError(
                    f"constraint {constraint!r}: must be a function from an architecture to a bool"
                )
        if attempts < 1:
            raise ConfigurationError(f"attempts={attempts}: must be at least 1")
        self.controller = controller
        self.constraints = constraints
        self.attempts = attempts
        self._verdicts: dict[Architecture, bool] = {}

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`.

        Raises:
            SpaceError: No architecture was found that holds the constraints.
        """
        refused: dict[Architecture, None] = {}
        shown = history
        for _ in range(self.attempts):
            architecture = self.controller.propose(shown, rng)
            if architecture is None or self.allows(architecture):
                return architecture
            if architecture in refused:
                shown = _with(history, refused)
            refused[architecture] = None
        return self._sampled(history, rng)

    def recommend(self, history: History) -> Trial | None:
        """See `Controller.recommend`."""
        return self.controller.recommend(history)

    def allows(self, architecture: Architecture) -> bool:
        """Whether `architecture` holds all constraints."""
        if architecture not in self._verdicts:
            self._verdicts[architecture] = all(check(architecture) for check in self.constraints)
        return self._verdicts[architecture]

    def _sampled(self, history: History, rng: np.random.Generator) -> Architecture:
        """A random architecture that holds the constraints, untried if one is found soon."""
        drawn = (self.space.sample(rng) for _ in range(self.attempts))
        allowed = [architecture for architecture in drawn if self.allows(architecture)]
        if not allowed:
            raise SpaceError(
                f"none of {counted(self.attempts, 'proposal')} and "
                f"{counted(self.attempts, 'random architecture')} of {self.space!r} held the "
                "constraints: loosen them, or narrow the space to where they hold"
            )
        return next((a for a in allowed if a not in history.architectures), allowed[0])


def _with(history: History, refused: dict[Architecture, None]) -> History:
    """`history`, and the refused as infeasible trials after it."""
    for architecture in refused:
        outcome = Infeasible("breaks a constraint that is checked before training")
        history = history.asked(Trial(len(history), architecture, outcome))
    return history
