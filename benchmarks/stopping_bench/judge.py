"""What a stop rule did on a search, and how well that was.

What a search has found is the best of its ten highest rewards, by what they are really worth: of
those that stage 2 trains in full, the winner. "What 2,000 trials would find" is that of the whole
sequence, or for a shorter one the optimum of the table, which is no less.
"""

from __future__ import annotations

import bisect
import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from raynas.stopping import StopRule
from stopping_bench.sequences import Sequence as Searched
from stopping_bench.sequences import grown

__all__ = ["Verdict", "found_after", "judged", "kept_verdicts", "stops_of"]

Floats = NDArray[np.float64]
_SHORTLIST = 10
_TRIALS = 2000
_STRETCH, _PATIENCE = 1.5, 50


@dataclass(frozen=True)
class Verdict:
    """A rule on one search.

    Attributes:
        stop: Trials that had ended when it fired; None where it did not.
        found: Trials after which what 2,000 would find, or its equal, was found.
        given_up: How much better 2,000 trials are than what the stopped search has found.
        near: Difference in value that does not count.
        trials: Length of the sequence.
    """

    stop: int | None
    found: int | None
    given_up: float
    near: float
    trials: int

    @property
    def false(self) -> bool:
        """Stopped too early: more than `near` better was still to come."""
        return self.stop is not None and self.given_up > self.near

    @property
    def due(self) -> float:
        """By when a stop was asked for: 1.5 times the trials until it was found, and 50."""
        return math.inf if self.found is None else _STRETCH * self.found + _PATIENCE

    @property
    def judgeable(self) -> bool:
        """Whether the sequence is long enough to say whether the stop came in time."""
        return self.stop is not None or self.due <= self.trials

    @property
    def late(self) -> bool:
        """No stop by when it was due."""
        return self.due < (math.inf if self.stop is None else self.stop)

    @property
    def missed(self) -> bool:
        """No stop at all, although it was found early enough for one."""
        return self.stop is None and self.due <= self.trials


def found_after(sequence: Searched) -> Floats:
    """What a search has found after each number of trials that ended."""
    best: list[tuple[float, int]] = []
    found = np.full(len(sequence), -math.inf)
    value = -math.inf
    for count, number in enumerate(sequence.told.tolist()):
        reward = float(sequence.rewards[number])
        if not math.isnan(reward) and (len(best) < _SHORTLIST or reward > best[0][0]):
            bisect.insort(best, (reward, number))
            best = best[-_SHORTLIST:]
            value = max(float(sequence.values[n]) for _, n in best)
        found[count] = value
    return found


def stops_of(rules: Sequence[StopRule], sequence: Searched, every: int = 5) -> list[int | None]:
    """For each rule the trials that had ended when it first fired, asked after every fifth."""
    stops: list[int | None] = [None] * len(rules)
    for count, history in enumerate(grown(sequence), 1):
        if count % every:
            continue
        for place, rule in enumerate(rules):
            if stops[place] is None and rule.check(history, float(count)):
                stops[place] = count
        if None not in stops:
            break
    return stops


def judged(
    rules: Sequence[StopRule], sequence: Searched, near: float, optimum: float
) -> list[Verdict]:
    """Each rule on `sequence`; its end counts where it has 2,000 trials, else the `optimum`."""
    found = found_after(sequence)
    end = float(found[-1]) if len(sequence) >= _TRIALS else optimum
    return [
        Verdict(
            stop,
            _first(found >= end - near),
            0.0 if stop is None else end - float(found[stop - 1]),
            near,
            len(sequence),
        )
        for stop in stops_of(rules, sequence)
    ]


def kept_verdicts(path: Path, key: str, judge: Callable[[], list[Verdict]]) -> list[Verdict]:
    """The verdicts under `key` in a file of JSON lines; judged and added where there are none."""
    known = _read(path)
    if key not in known:
        verdicts = judge()
        known[key] = verdicts
        with path.open("a") as file:
            file.write(json.dumps([key, [vars(verdict) for verdict in verdicts]]) + "\n")
    return known[key]


@lru_cache(maxsize=1)
def _read(path: Path) -> dict[str, list[Verdict]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return {key: [Verdict(**v) for v in values] for key, values in map(json.loads, lines)}


def _first(true: Iterable[bool]) -> int | None:
    return next((count for count, there in enumerate(true, 1) if there), None)
