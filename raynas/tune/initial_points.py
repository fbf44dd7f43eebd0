"""Points to evaluate first, and points evaluated elsewhere, in the words of Tune's searchers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from raynas.asktell import AskTell
from raynas.errors import ConfigurationError
from raynas.trials import Failed, History, Measurement, Outcome, Stopped
from raynas.wording import counted

__all__ = ["Evaluated", "Points"]

ReadPoint = Callable[[Any, str], Any]
"""From a point, and how errors name it, to its architecture."""


@dataclass(frozen=True)
class Evaluated:
    """A point and how its evaluation ended.

    Attributes:
        point: A config, or an architecture.
        value: The metric's value, or a list of as many as there are metrics; None without one.
        error: Whether the evaluation failed.
        pruned: Whether it was ended early.
        name: How errors name the point.
    """

    point: Any
    value: float | Sequence[float] | None
    error: bool = False
    pruned: bool = False
    name: str = "add_evaluated_point(...)"

    def outcome(self, metrics: Sequence[str]) -> Measurement | Outcome:
        """What the search records about it.

        Raises:
            ConfigurationError: There are not as many values as metrics.
        """
        if self.error or (self.value is None and not self.pruned):
            return Failed("it failed where it was evaluated, outside of this search")
        values = list(self.value) if isinstance(self.value, Sequence) else [self.value]
        if self.value is not None and len(values) != len(metrics):
            raise ConfigurationError(
                f"{self.name}: {self.value!r} is not a value for each of {', '.join(metrics)}"
            )
        told = Measurement(
            {name: float(v) for name, v in zip(metrics, values, strict=False) if v is not None}
        )
        return Stopped("an earlier run", told) if self.pruned else told


@dataclass
class Points:
    """What a searcher was given to begin with.

    Attributes:
        wanted: Points to evaluate before the controller proposes any, each with its name.
        evaluated: Points that need no evaluation.
    """

    wanted: list[tuple[Any, str]] = field(default_factory=list)
    evaluated: list[Evaluated] = field(default_factory=list)

    @classmethod
    def of(cls, points: Sequence[Any] | None, rewards: Sequence[Any] | None) -> Points:
        """The points of ``points_to_evaluate`` and ``evaluated_rewards``.

        Raises:
            ConfigurationError: They are no lists, or not of one length.
        """
        for name, given in (("points_to_evaluate", points), ("evaluated_rewards", rewards)):
            if given is not None and not isinstance(given, list | tuple):
                raise ConfigurationError(f"{name}={given!r}: must be a list")
        named = [(p, f"points_to_evaluate[{i}]") for i, p in enumerate(points or ())]
        if not rewards:
            return cls(named)
        if len(named) != len(rewards):
            raise ConfigurationError(
                f"evaluated_rewards has {counted(len(rewards), 'value')} for {len(named)} "
                "points_to_evaluate: give one for each"
            )
        pairs = zip(named, rewards, strict=True)
        return cls([], [Evaluated(point, value, name=name) for (point, name), value in pairs])

    def tell(self, search: AskTell[Any], read: ReadPoint, metric: str | list[str] | None) -> None:
        """Tell `search`, whose metrics are `metric`, the evaluated points that it does not know.

        Raises:
            ConfigurationError: A point is none of the space, or has not a value for each metric.
        """
        names = [metric] if isinstance(metric, str) else metric or search.reward.objectives
        while self.evaluated:
            first = self.evaluated[0]
            architecture = read(first.point, first.name)
            outcome = first.outcome(names)
            if architecture not in search.history.architectures:
                search.tell(search.propose(architecture).number, outcome)
            self.evaluated.pop(0)

    def following(self, history: History, read: ReadPoint) -> Any:
        """The architecture to evaluate next; None if `history` has all that are wanted."""
        while self.wanted:
            architecture = read(*self.wanted[0])
            if architecture not in history.architectures:
                return architecture
            self.wanted.pop(0)
        return None
