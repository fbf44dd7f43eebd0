"""A trial: an architecture that was proposed, and how its training ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeAlias

from typing_extensions import TypeVar

from raynas.errors import raised_in
from raynas.trials.measurement import Point
from raynas.trials.outcome import Completed, Failed, Infeasible, Outcome, Stopped

__all__ = ["Architecture", "Proposal", "Trial"]

A_co = TypeVar("A_co", covariant=True, default=Any)

Architecture: TypeAlias = Any
"""An instance of the searchable class that the space was made from."""


@dataclass(frozen=True)
class Proposal(Generic[A_co]):
    """An architecture that a controller asked to be tried, and its number in ask order.

    Attributes:
        number: Position in ask order, from 0.
        architecture: What to try.
        budget: Length of its training, as a share of a full training; 1 where a search has a
            single budget.
    """

    number: int
    architecture: A_co
    budget: float = 1.0


@dataclass(frozen=True)
class Trial(Generic[A_co]):
    """A proposal and its outcome.

    Attributes:
        number: Position in ask order, from 0.
        architecture: What is tried.
        outcome: How it ended; None while it runs or waits to run again.
        started: Start of its latest run, in seconds since the epoch.
        ended: End of its latest run, in seconds since the epoch; None while it has no outcome.
        points: What its latest run reported so far; where it ended, see `curve`.
        budget: Budget of the training, see `Proposal.budget`.
    """

    number: int
    architecture: A_co
    outcome: Outcome | None = None
    started: float = 0.0
    ended: float | None = None
    points: tuple[Point, ...] = ()
    budget: float = 1.0

    @property
    def curve(self) -> tuple[Point, ...]:
        """The learning curve: of the measurement where there is one, else what was reported."""
        measurement = getattr(self.outcome, "measurement", None)
        return self.points if measurement is None else measurement.curve

    @property
    def ended_early(self) -> str:
        """What ended its training before the last step, see `Measurement`; empty where nothing."""
        measurement = getattr(self.outcome, "measurement", None)
        return "" if measurement is None else str(measurement.ended_early)

    @property
    def reward(self) -> float | None:
        """The reward, where the trial completed."""
        return self.outcome.reward if isinstance(self.outcome, Completed) else None

    @property
    def objectives(self) -> tuple[float, ...] | None:
        """All objectives, larger being better, where the trial completed."""
        return self.outcome.objectives if isinstance(self.outcome, Completed) else None

    @property
    def reason(self) -> str | None:
        """Why there is no reward, in one line, where the trial ended without one."""
        match self.outcome:
            case Infeasible(reason=reason):
                return reason
            case Failed(error=error):
                return raised_in(error) or "unknown error"
            case Stopped(by=by):
                return f"stopped by {by}"
            case _:
                return None
