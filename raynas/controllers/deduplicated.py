"""No architecture twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from raynas.arguments import checked
from raynas.controllers.base import Controller
from raynas.errors import ConfigurationError
from raynas.trials import Architecture, History, Trial

__all__ = ["Deduplicated"]


@checked
class Deduplicated(Controller):
    """Asks the wrapped controller again while it repeats what the history already holds.

    Proposals are brought into the form of `Space.canonical`, so that an architecture that is
    another one written differently counts as a repetition.

    After `attempts` repetitions, the first untried architecture in the order of
    `Space.enumerate` is proposed, and None once there is none.

    Args:
        controller: Controller whose proposals are filtered.
        attempts: How often to ask, at least 1.

    Raises:
        ConfigurationError: `attempts` is below 1.
    """

    def __init__(self, controller: Controller, attempts: int = 100) -> None:
        super().__init__(controller.space)
        if attempts < 1:
            raise ConfigurationError(f"attempts={attempts}: must be at least 1")
        self.controller = controller
        self.attempts = attempts

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        tried = history.architectures
        if len(tried) >= self.space.size:
            return None
        for _ in range(self.attempts):
            proposed = self.controller.propose(history, rng)
            if proposed is None:
                return None
            architecture = self.space.canonical(proposed)
            if architecture not in tried:
                return architecture
        forms = map(self.space.canonical, self.space.enumerate())
        return next((form for form in forms if form not in tried), None)

    def propose_batch(
        self, history: History, count: int, rng: np.random.Generator
    ) -> Sequence[Architecture]:
        """See `Controller.propose_batch`."""
        if count == 1:
            return super().propose_batch(history, count, rng)
        forms = map(self.space.canonical, self.controller.propose_batch(history, count, rng))
        new = [form for form in dict.fromkeys(forms) if form not in history.architectures]
        return new or super().propose_batch(history, count, rng)

    def recommend(self, history: History) -> Trial | None:
        """See `Controller.recommend`."""
        return self.controller.recommend(history)
