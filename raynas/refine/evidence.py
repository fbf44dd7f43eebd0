"""What the trials say about each option of a space, wherever in an architecture it stands.

A search tries options at different times and in different company: one that was tried early only
stood beside others that were no better. So an option is compared with its contemporaries: the
trials are cut into blocks in the order in which they were asked, and the question is how often
those with the option are in the best quarter of their block (a stratified hypergeometric test, in
the manner of Mantel and Haenszel 1959, "Statistical Aspects of the Analysis of Data from
Retrospective Studies of Disease", JNCI 22, computed exactly).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from raynas.dominance import fronts
from raynas.space.choices import Choice, Subset
from raynas.space.domains import Number
from raynas.space.records import Record
from raynas.space.repeats import Repeat, Shared
from raynas.trials import History, Trial

__all__ = ["Evidence", "Group", "Place", "option_at", "taken"]

Place: TypeAlias = tuple[str, str]
"""The name of a class, and of a decision of it: ``blocks``, ``blocks.length``, ``blocks[*]``."""

_BLOCK = 50  # trials that were asked at about the same time, as in raynas.association
_BEST_OF_BLOCK = 4  # one in so many is good: a quarter
_BEST = 10  # one in so many: a tenth


def option_at(domain: Choice, value: object) -> int:
    """The index of the option that `value` is."""
    for index, option in enumerate(domain.choices):
        if isinstance(option, Record):
            if type(value) is option.cls:
                return index
        elif option == value and isinstance(option, bool) == isinstance(value, bool):
            return index
    raise ValueError(f"{value!r} is none of {domain}")


def taken(domain: Any, value: Any, place: Place = ("", "")) -> Iterator[tuple[Place, Any]]:
    """All decisions in `value`: an index where the domain is a choice, else the value itself."""
    match domain:
        case Record():
            for name, field in domain.fields.items():
                yield from taken(field, getattr(value, name), (domain.cls.__name__, name))
        case Choice():
            index = option_at(domain, value)
            yield place, index
            yield from taken(domain.choices[index], value)
        case Repeat():
            yield (place[0], f"{place[1]}.length"), len(value)
            for element in value:
                yield from taken(domain.element, element, (place[0], f"{place[1]}[*]"))
        case Shared():
            yield from taken(domain.element, value, ("shared", domain.name))
        case Subset():
            yield from ((place, domain.values.index(element)) for element in value)
        case Number():
            yield place, value


@dataclass(frozen=True)
class Group:
    """The trials that have something in common, against all others.

    Attributes:
        tried: Completed trials with it.
        among_best: How many of these trials are among the best tenth of all.
        best: The highest reward among them.
        below: Probability that so few of them are in the best quarter of their block by chance.
        above: Probability that so many of them are in that quarter by chance.
        failed: Trials with it that ended without a reward.
        fails_more: Probability that so many of the failures have it by chance.
    """

    tried: int
    among_best: int
    best: float
    below: float
    above: float
    failed: int
    fails_more: float


class Evidence:
    """The trials of a search by the decisions that they took.

    Args:
        history: History of the search.
        domain: Domain of the search's space.
    """

    def __init__(self, history: History, domain: Record) -> None:
        self.completed: Sequence[Trial] = history.completed
        self.failed: Sequence[Trial] = history.unrewarded
        self.rewards = np.array(history.rewards)
        self.objective = history.objective
        self._decisions = [_collected(domain, t) for t in (*self.completed, *self.failed)]

    @cached_property
    def best(self) -> NDArray[np.bool_]:
        """Which completed trials are the best tenth, by fronts where there are objectives."""
        count = max(1, len(self.completed) // _BEST)
        objectives = [trial.objectives or () for trial in self.completed]
        if objectives and len(objectives[0]) > 1:
            layers = fronts(objectives, count)
            chosen = [index for layer in layers for index in layer]
        else:
            chosen = np.argsort(-self.rewards, kind="stable")[:count].tolist()
        mask = np.zeros(len(self.completed), dtype=bool)
        mask[chosen] = True
        return mask

    def values(self, place: Place, only_best: bool = False) -> list[Any]:
        """What completed trials took at `place`, each value once a trial."""
        rows = self._decisions[: len(self.completed)]
        return [
            value
            for row, best in zip(rows, self.best, strict=True)
            if best or not only_best
            for value in row.get(place, ())
        ]

    def group(self, place: Place, belongs: Callable[[Any], bool]) -> Group:
        """The trials in which some decision at `place` belongs."""
        has = np.array([any(map(belongs, row.get(place, ()))) for row in self._decisions])
        done, broken = has[: len(self.completed)], has[len(self.completed) :]
        below, above = self._blocked(done)
        return Group(
            tried=int(done.sum()),
            among_best=int((done & self.best).sum()),
            best=float(self.rewards[done].max()) if done.any() else -np.inf,
            below=below,
            above=above,
            failed=int(broken.sum()),
            fails_more=_more_than_chance(int(broken.sum()), int(has.sum()), len(broken), len(has)),
        )

    def _blocked(self, has: NDArray[np.bool_]) -> tuple[float, float]:
        """Probability, over all blocks, of so few and of so many in the best quarters."""
        from scipy import stats

        chances, seen = np.ones(1), 0
        for block in np.array_split(np.arange(len(has)), max(1, len(has) // _BLOCK)):
            quarter = max(1, len(block) // _BEST_OF_BLOCK)
            order = np.argsort(-self.rewards[block], kind="stable")[:quarter]
            mine = int(has[block].sum())
            seen += int(has[block][order].sum())
            counts = np.arange(quarter + 1)
            chances = np.convolve(chances, stats.hypergeom.pmf(counts, len(block), mine, quarter))
        return float(chances[: seen + 1].sum()), float(chances[seen:].sum())


def _collected(domain: Record, trial: Trial) -> Mapping[Place, frozenset[Any]]:
    found: dict[Place, set[Any]] = {}
    for place, value in taken(domain, trial.architecture):
        found.setdefault(place, set()).add(value)
    return {place: frozenset(values) for place, values in found.items()}


def _more_than_chance(broken: int, having: int, all_broken: int, trials: int) -> float:
    from scipy import stats

    return float(stats.hypergeom.sf(broken - 1, trials, all_broken, having))
