"""What another search found, as a search of another space or on other data can learn from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from raynas.space.options import Scalar
from raynas.wording import counted

__all__ = ["EarlierSearch", "EarlierTrial", "learned_identity"]


@dataclass(frozen=True)
class EarlierTrial:
    """A completed trial of another search.

    Attributes:
        config: Decisions of the architecture, path to value, as `Space.to_config` gives them.
        reward: Larger is better, in whatever unit.
        budget: Length of its training, as a share of a full one of that search.
    """

    config: Mapping[str, Scalar]
    reward: float
    budget: float = 1.0


@dataclass(frozen=True)
class EarlierSearch:
    """What another search found.

    Attributes:
        name: What it is called in messages.
        trials: Completed trials of the search.
        ranked: All trials, where some were ended early: their scores, by learning curves, in place
            of rewards. See `raynas.controllers.observations`.
    """

    name: str
    trials: tuple[EarlierTrial, ...]
    ranked: tuple[EarlierTrial, ...] = ()

    @property
    def digest(self) -> str:
        """Digest of all that is learned from the search."""
        facts = [[dict(t.config), t.reward, t.budget] for t in (*self.trials, *self.ranked)]
        return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def learned_identity(searches: Sequence[EarlierSearch]) -> str:
    """What was learned from, as text that changes with any of it."""
    return "; ".join(f"{s.name}, {counted(len(s.trials), 'trial')}, {s.digest}" for s in searches)
