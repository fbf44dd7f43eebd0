"""What reports and pages are made from: a search as it stands, as one value."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from raynas.asktell import AskTell
from raynas.objective import Objective
from raynas.rewards import Reward
from raynas.space import Space
from raynas.stopping import StopRule, first_stop
from raynas.store.holder import Driver
from raynas.trials import History, Stop, Trial
from raynas.wording import counted

__all__ = ["Prediction", "SearchView", "time_reached"]


def time_reached(history: History, driver: Driver | None, now: float) -> float:
    """The time that a search has reached, for its rules and for trials in flight.

    This is `now`; or the latest event of a search that was killed, whose trials in flight do not
    run any more.
    """
    if driver is not None and driver.state == "gone" and history.running:
        return min(now, history.latest_event)
    return now


@dataclass(frozen=True)
class Prediction:
    """What was planned before the search began.

    Attributes:
        trials: Trials until the search converges.
        seconds: Mean running time of a trial.
        parallel: Trials at a time.
        words: Source of the figures, as a sentence.
    """

    trials: int
    seconds: float
    parallel: int
    words: str


@dataclass(frozen=True)
class SearchView:
    """A search at one moment.

    Attributes:
        name: Name of the search.
        space: What its architectures are members of.
        history: Every trial.
        reward: What is maximized.
        rules: Stop rules of the search, limits included.
        limit: Number of trials at which it ends at the latest.
        reserved: What each trial reserves, such as ``{"cpu": 1, "gpu": 0.25}``.
        provenance: Origin of the results (versions, commit, machine), one entry a line.
        prediction: The plan, if there was one.
        folder: Results folder of the search.
        now: The moment at which the search is looked at, in seconds since the epoch.
        driver: The process that runs it, where that is known.
        ended_by: Why it ended, as the run itself noted.
        trouble: Reason why an older state is shown; empty if the state is current.
        full: The full trainings, where there are any.
        target: What to type for the search in commands: its file, if known.
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
    driver: Driver | None = None
    ended_by: Stop | None = None
    trouble: str = ""
    full: History | None = None
    target: str = "FILE"

    @classmethod
    def of(cls, search: AskTell[Any], *, rules: tuple[StopRule, ...] = ()) -> SearchView:
        """A search that is driven from outside, as it is now.

        Args:
            search: The search, such as the ``asktell`` of a `raynas.NASSearcher`; it may be closed.
            rules: Stop rules whose state is to be shown.
        """
        return cls(
            name=search.store.name,
            space=search.space,
            history=search.history,
            reward=search.reward,
            rules=rules,
            now=time.time(),
            driver=search.store.driver(),
        )

    def __post_init__(self) -> None:
        if self.history.shown_as != self.reward.shown_as:
            shown = replace(self.history, shown_as=self.reward.shown_as)
            object.__setattr__(self, "history", shown)
        if self.full is not None and self.full.shown_as != self.reward.shown_as:
            shown = replace(self.full, shown_as=self.reward.shown_as)
            object.__setattr__(self, "full", shown)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives as people read them, the one that curves go by first."""
        return self.reward.shown_as

    @property
    def stop(self) -> Stop | None:
        """Why the search ended, or what the rules say of the history as it is."""
        return self.ended_by or first_stop(self.rules, self.history, self.time_reached)

    @property
    def time_reached(self) -> float:
        """The time that the search has reached: `now`, or earlier if nobody runs it any more."""
        return time_reached(self.history, self.driver, self.now)

    @property
    def abandoned(self) -> str:
        """Notice that trials are in flight and no process runs them; empty where that is not so.

        A killed search leaves them behind; the next start runs them again.
        """
        left = len(self.history.running)
        if self.driver is None or self.driver.state != "gone" or not left:
            return ""
        last = f" ({self.driver.who} was the last)" if self.driver.who else ""
        trials = counted(left, "trial was", "trials were")
        return f"No process runs this search any more{last}. {trials} in flight."

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader has to know before all else, a sentence or two each."""
        return tuple(notice for notice in (self.trouble, self.abandoned) if notice)

    @property
    def best(self) -> Trial | None:
        """The completed trial of highest reward, if there is one."""
        return next(iter(self.history.best(1)), None)
