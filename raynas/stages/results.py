"""What a stage found, as those after it see it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import takewhile
from typing import Any, TypeAlias

from raynas.analysis.full_training import Row, rows_of
from raynas.errors import ConfigurationError, RaynasError
from raynas.full_training.as_network import as_network
from raynas.search import Search
from raynas.space import Space
from raynas.trials import Architecture, Completed, History, Trial

__all__ = ["Basis", "Results", "StageResult", "basis_of", "latest"]


@dataclass(frozen=True)
class StageResult:
    """A stage and what it found.

    Attributes:
        name: Name of the stage.
        search: The search that it was.
        history: Trials of the stage, of which all have ended.
        trained: Full trainings of the stage, if any.
    """

    name: str
    search: Search
    history: History = field(default_factory=History)
    trained: History = field(default_factory=History)

    @property
    def best(self) -> Architecture:
        """The best that the stage found: by its full trainings, where it has any, or its trials.

        Raises:
            ConfigurationError: No trial has a reward.
        """
        return self.top(1)[0]

    def top(self, count: int) -> tuple[Architecture, ...]:
        """Up to `count` different members of the stage's space, best first.

        What was trained in full comes first, in the order of the full trainings.

        Raises:
            ConfigurationError: No trial has a reward.
        """
        ranked = [
            *(row.architecture for row in self.rows),
            *(trial.architecture for trial in self.history.best(len(self.history))),
        ]
        found = tuple(dict.fromkeys(ranked))[:count]
        if not found:
            raise ConfigurationError(
                f"the stage {self.name!r} has no trial with a reward, so no stage can be built on "
                "it; see why its trials failed with `raynas report`"
            )
        return found

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """One for each member of the space that was trained in full, best first."""
        return tuple(rows_of(self.trained, self.history, self.incumbent))

    @property
    def incumbent(self) -> Architecture | None:
        """What the stage began with, and has to beat: its space's baseline; None without one."""
        try:
            return Space.of(self.search.space).baseline
        except RaynasError:
            return None

    def as_network(self, found: Architecture | None = None) -> tuple[Search, Architecture]:
        """The network that the stage leads to, and the search that trains it.

        They are the stage's own, unless it searched the training of an architecture: then they
        are that architecture, with a training as it was found.

        Args:
            found: A member of the stage's space; the best by default.
        """
        return as_network(self.search, self.best if found is None else found)

    def trial_of(self, architecture: Architecture) -> Trial | None:
        """The first completed trial of `architecture`, if there is one."""
        own = (trial for trial in self.history.completed if trial.architecture == architecture)
        return next(own, None)


Results: TypeAlias = Mapping[str, StageResult]
"""The results of earlier stages, by their names and in their order."""


def latest(found: Results, name: str | None = None) -> StageResult:
    """The result of the stage `name`, or of the latest one.

    Raises:
        ConfigurationError: There is no such stage before this one.
    """
    if name is not None and name not in found:
        earlier = ", ".join(map(repr, found)) or "none, as this is the first"
        raise ConfigurationError(f"of={name!r}: must be the name of an earlier stage: {earlier}")
    if not found:
        raise ConfigurationError(
            "a first stage cannot be built on an earlier one: begin with a raynas.Search"
        )
    return found[name] if name is not None else list(found.values())[-1]


@dataclass(frozen=True)
class Basis:
    """How much of an earlier stage a stage was built on.

    Attributes:
        trials: Number of trials that count, from the first on.
        trained: Number of full trainings that count, from the first on.
        digest: Digest of what they found.
    """

    trials: int
    trained: int
    digest: str

    def of(self, result: StageResult) -> StageResult:
        """`result` as it was then.

        Raises:
            ConfigurationError: It is not among what there is now.
        """
        cut = StageResult(
            result.name,
            result.search,
            _first(result.history, self.trials),
            _first(result.trained, self.trained),
        )
        if basis_of(cut) != self:
            raise ConfigurationError(
                f"the results of the stage {result.name!r} have changed since this stage was built "
                "on them: bring them back"
            )
        return cut


def basis_of(result: StageResult) -> Basis:
    """The basis that a stage has which begins now: what of `result` has ended."""
    trials, trained = _ended(result.history), _ended(result.trained)
    text = json.dumps([_fingerprints(result, trials), _fingerprints(result, trained)])
    return Basis(len(trials), len(trained), sha256(text.encode()).hexdigest()[:16])


def _ended(history: History) -> list[Trial]:
    return list(takewhile(lambda trial: trial.outcome is not None, history))


def _first(history: History, count: int) -> History:
    return History(_ended(history)[:count], history.shown_as)


def _fingerprints(result: StageResult, trials: Iterable[Trial]) -> list[Any]:
    space = Space.of(result.search.space)
    return [
        [
            space.key(trial.architecture),
            type(trial.outcome).__name__,
            list(trial.outcome.objectives) if isinstance(trial.outcome, Completed) else [],
        ]
        for trial in trials
    ]
