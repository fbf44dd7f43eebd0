"""The role of a stop rule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from raynas.trials import History, Stop

__all__ = ["GO_ON", "StopRule", "StopWarning", "first_stop", "warnings_of"]

GO_ON = "To go on: `raynas search FILE --until trials`."
"""What to type to go on up to the limits, for the advice of rules that are no limits."""


@dataclass(frozen=True)
class StopWarning:
    """What may end the search if it goes on like this; the fields are those of `Stop`."""

    rule: str
    reason: str
    advice: str


class StopRule(ABC):
    """A pure function of the history that may find a reason to end the search.

    A rule is asked after every trial, so with thousands of trials its `check` should take
    milliseconds: look at a window, and do what is cheap before what is not.
    """

    @property
    def costly(self) -> bool:
        """Whether it takes longer, so that reports do not ask it all along a search."""
        return False

    @abstractmethod
    def check(self, history: History, now: float) -> Stop | None:
        """The reason to stop, with its figures in words, or None.

        Args:
            history: Every asked trial in ask order, running ones too.
            now: Seconds since the epoch.
        """

    @abstractmethod
    def state(self, history: History, now: float) -> str:
        """How near the rule is to a stop, in a few words, for a progress display."""

    def progress(self, history: History, now: float) -> float:
        """How near the rule is to a stop, from 0 to 1; 1 only where `check` finds a reason."""
        return float(self.check(history, now) is not None)

    def warn(self, history: History, now: float) -> StopWarning | None:
        """What the user should know before it comes to a stop, or None."""
        del history, now
        return None


def first_stop(rules: Iterable[StopRule], history: History, now: float) -> Stop | None:
    """What the first of `rules` that finds a reason says."""
    return next((stop for rule in rules if (stop := rule.check(history, now))), None)


def warnings_of(rules: Iterable[StopRule], history: History, now: float) -> list[StopWarning]:
    """What each of `rules` warns of."""
    return [warning for rule in rules if (warning := rule.warn(history, now))]
