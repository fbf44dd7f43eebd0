"""What reports and pages are made from: a search as it stands, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raynas.rewards import Objective, Reward
from raynas.space import Space
from raynas.stopping import StopRule
from raynas.trials import History, Trial

__all__ = ["Prediction", "SearchView"]


@dataclass(frozen=True)
class Prediction:
    """What was planned before the search began.

    Attributes:
        trials: Until it converges.
        seconds: Of one trial, on average.
        parallel: Trials at a time.
        words: Where the figures come from.
    """

    trials: int
    seconds: float
    parallel: int
    words: str


@dataclass(frozen=True)
class SearchView:
    """A search at one moment.

    Attributes:
        name: Of the search.
        space: What its architectures are members of.
        history: Every trial.
        reward: What is maximized.
        rules: Its stop rules, limits included.
        limit: Number of trials at which it ends at the latest.
        reserved: What each trial reserves, such as ``{"cpu": 1, "gpu": 0.25}``.
        provenance: Where the results come from, a line a key.
        prediction: The plan, if there was one.
        folder: Where its files are.
        now: The moment, in seconds since the epoch.
        full: The full trainings, where there are any.
    """

    name: str
    space: Space[Any]
    history: History
    reward: Reward
    rules: tuple[StopRule, ...] = ()
    limit: int | None = None
    reserved: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    prediction: Prediction | None = None
    folder: Path | None = None
    now: float = 0.0
    full: History | None = None

    @property
    def objectives(self) -> tuple[str, ...]:
        """The names of what is maximized, the one that curves go by first."""
        return self.reward.objectives

    @property
    def axes(self) -> tuple[Objective, ...]:
        """The objectives in the user's directions."""
        return self.reward.axes

    @property
    def best(self) -> Trial | None:
        """The completed trial of highest reward, if there is one."""
        return next(iter(self.history.best(1)), None)
