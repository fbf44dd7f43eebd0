"""A search that does not begin from nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from raynas.arguments import checked
from raynas.controllers.base import Controller
from raynas.controllers.history_increment import news
from raynas.errors import ConfigurationError
from raynas.trials import Architecture, History, Trial

__all__ = ["WarmStart"]


@checked
class WarmStart(Controller):
    """Begins with given architectures, and knows what an earlier search found.

    Each of `first` is proposed once, in order, unless the history holds it already. From then on
    the wrapped controller proposes, on a history that begins with the trials of `earlier`: put
    `Deduplicated` inside to leave those out, outside to allow them.

    Args:
        controller: Who proposes afterwards.
        first: Architectures to begin with, such as ``[space.baseline]`` or what `best_scored`
            found.
        earlier: The history of another search in the same space, whose rewards mean the same.

    Raises:
        ConfigurationError: There is neither, or an architecture lies outside the space.
    """

    def __init__(
        self,
        controller: Controller,
        first: Sequence[Architecture] = (),
        earlier: History | None = None,
    ) -> None:
        super().__init__(controller.space)
        if not first and not earlier:
            raise ConfigurationError("WarmStart has nothing to start with: give first or earlier")
        if earlier is not None and earlier.comparable is not earlier:
            raise ConfigurationError(
                "earlier: its trials have several budgets, whose rewards cannot be compared; give "
                "earlier.comparable, the trials of one"
            )
        given = (("first", first), ("earlier", [trial.architecture for trial in earlier or ()]))
        for name, architectures in given:
            for index, architecture in enumerate(architectures):
                if not self.space.contains(architecture):
                    raise ConfigurationError(
                        f"{name}[{index}] = {architecture!r} is not in {self.space!r}: "
                        "give architectures of the space that is searched"
                    )
        self.controller = controller
        # By way of configs, which have no rounding errors of hand-written numbers.
        exact = map(self.space.from_config, map(self.space.to_config, first))
        self.first = tuple(map(self.space.canonical, exact))
        ended = [trial for trial in earlier or () if trial.outcome is not None]
        self._earlier = History(tuple(_numbered(t, number) for number, t in enumerate(ended)))
        self._seen: Sequence[Trial] = ()
        self._joined = self._earlier

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        for architecture in self.first:
            if architecture not in history.architectures:
                return architecture
        return self.controller.propose(self._join(history), rng)

    def recommend(self, history: History) -> Trial | None:
        """See `Controller.recommend`. Only trials of this search."""
        return self.controller.recommend(history)

    def _join(self, history: History) -> History:
        """The earlier trials and then those of `history`, under numbers that go on."""
        if not self._earlier:
            return history
        changed = news(self._seen, history.trials)
        if changed is None:
            self._joined, changed = self._earlier, list(history)
        for trial in changed:
            number = len(self._earlier) + trial.number
            if number < len(self._joined) and trial.outcome is not None:
                self._joined = self._joined.told(number, trial.outcome, trial.ended or 0.0)
            else:
                self._joined = self._joined.asked(_numbered(trial, number))
        self._seen = history.trials
        return self._joined


def _numbered(trial: Trial, number: int) -> Trial:
    return Trial(number, trial.architecture, trial.outcome, trial.started, trial.ended)
