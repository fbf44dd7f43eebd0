"""The part of a space within bounds on metrics that are free to know, and where it lies."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from raynas.errors import ConfigurationError
from raynas.rewards import Bound
from raynas.space import Space
from raynas.trials import Architecture
from raynas.wording import counted

__all__ = ["FeasibleSpace", "Foreknown", "Survey", "total_excess"]

Foreknown = Callable[[Architecture, Collection[str]], Mapping[str, float]]
"""From an architecture and names of metrics to those that are known before it is tried."""

_DRAWS, _MUTANTS, _CHILDREN, _STEPS = 50, 30, 10, 8
"""Attempts of each kind to stay within bounds; chosen by hand, at 1 ms or less each."""
_SURVEYED, _ENOUGH, _OFTEN = 120, 20, 0.1
"""A share of 0.1 is known to +-0.05 by 120 draws, and 20 inside are enough to begin with."""
_CLIMB, _CLIMBERS, _AFTER_THE_FIRST = 100, 20, 5
"""Steps and starting points towards the bounds; chosen by hand: a second at most."""
_OUTSIDE_IN_A_ROW = 100_000  # a part smaller than 3 in 100,000 is taken for empty (95 %)
_LOOKED_AT = 4  # architectures whose metrics say which ones are free; some may not be known


@dataclass(frozen=True)
class Survey:
    """What part of a space is within the bounds that are free to know.

    Attributes:
        drawn: Random architectures that were looked at.
        inside: How many of them are within.
        found: Architectures that are, or that a search for the least violation found.
        values: The bounded metrics of all that were looked at.
    """

    drawn: int
    inside: int
    found: tuple[Architecture, ...]
    values: Mapping[Architecture, Mapping[str, float]]


class FeasibleSpace(Space[Any]):
    """The part of a space within bounds on metrics that are free to know.

    What it gives out is within, but for a mutant where no other was found; `contains` and the
    encodings are those of the whole space, and so is `size`. Metrics are kept. Where a model weighs
    thousands of candidates, it takes them from `whole` and learns from `surveyed`: knowing the
    metrics of each would take longer than many a trial.

    Args:
        space: The whole space.
        bounds: Bounds on metrics; those on metrics that are not free are passed over.
        foreknown: Gives the metrics that are.

    Attributes:
        whole: The whole space.
        bounds: All bounds.
    """

    def __init__(self, space: Space[Any], bounds: Sequence[Bound], foreknown: Foreknown) -> None:
        super().__init__(space.root)
        self.decisions, self._baseline = space.decisions, space._baseline
        self.whole = space
        self.bounds = tuple(bounds)
        self._foreknown = foreknown
        self._metrics: dict[Architecture, Mapping[str, float]] = {}

    @cached_property
    def free(self) -> tuple[Bound, ...]:
        """The bounds that are free to know."""
        names = {bound.metric for bound in self.bounds}
        rng = np.random.default_rng(0)
        for _ in range(_LOOKED_AT):
            known = self._known(self.whole.sample(rng), names)
            if known:
                return tuple(bound for bound in self.bounds if bound.metric in known)
        return ()

    @cached_property
    def surveyed(self) -> Mapping[Bound, Sequence[tuple[Architecture, float]]]:
        """What the survey knows of each bound that is free: architectures, and the metric."""
        values = self.survey.values if self.free else {}
        return {
            bound: [
                (self.whole.canonical(architecture), known[bound.metric])
                for architecture, known in values.items()
                if math.isfinite(known.get(bound.metric, math.nan))
            ]
            for bound in self.free
        }

    def allows(self, architecture: Architecture) -> bool:
        """Whether `architecture` is within all bounds that are free to know.

        So is one whose metrics cannot be known: trying it will show what is wrong with it.
        """
        return self.violation(architecture) <= 0

    def violation(self, architecture: Architecture) -> float:
        """Excess over the bounds, as shares of their limits; 0 within them."""
        if not self.free:
            return 0.0
        return total_excess(self.free, self.metrics(architecture))

    def metrics(self, architecture: Architecture) -> Mapping[str, float]:
        """The bounded metrics that are free to know; none where they cannot be known."""
        if architecture not in self._metrics:
            names = {bound.metric for bound in self.free}
            self._metrics[architecture] = self._known(architecture, names)
        return self._metrics[architecture]

    def sample(
        self,
        rng: np.random.Generator,
        over: Literal["choices", "architectures"] = "choices",
    ) -> Any:
        """See `Space.sample`; where little is within, a random walk from what the survey found.

        Raises:
            ConfigurationError: Nothing within was found.
        """
        if not self.free:
            return self.whole.sample(rng, over)
        survey = self.survey
        for _ in range(_DRAWS if survey.inside > _OFTEN * survey.drawn else 0):
            drawn = self.whole.sample(rng, over)
            if self.allows(drawn):
                return drawn
        found = survey.found
        here = found[int(rng.integers(len(found)))]
        for _ in range(_STEPS):
            there = self.mutate(here, rng)
            here = there if self.allows(there) else here
        return here

    def mutate(self, architecture: Any, rng: np.random.Generator) -> Any:
        """See `Space.mutate`; one outside where none within was found."""
        for _ in range(_MUTANTS):
            mutant = self.whole.mutate(architecture, rng)
            if self.allows(mutant):
                break
        return mutant

    def crossover(self, mother: Any, father: Any, rng: np.random.Generator) -> Any:
        """See `Space.crossover`; the mother where no child within was found."""
        for _ in range(_CHILDREN):
            child = self.whole.crossover(mother, father, rng)
            if self.allows(child):
                return child
        return mother

    def neighbors(self, architecture: Any) -> Iterator[Any]:
        """See `Space.neighbors`: those within."""
        return filter(self.allows, self.whole.neighbors(architecture))

    def enumerate(self) -> Iterator[Any]:
        """See `Space.enumerate`: those within, up to a hundred thousand others in a row."""
        outside = 0
        for architecture in self.whole.enumerate():
            outside = 0 if self.allows(architecture) else outside + 1
            if not outside:
                yield architecture
            elif outside > _OUTSIDE_IN_A_ROW:
                return

    def at(self, rank: int) -> Any | None:
        """See `Space.at`; None also where it is outside."""
        found = self.whole.at(rank)
        return found if found is not None and self.allows(found) else None

    @cached_property
    def survey(self) -> Survey:
        """What a sample says of the bounds that are free to know, the same in every process.

        Building a network to count it may take a tenth of a second, so the sample ends early where
        much is within, and where little is, descending from its nearest finds more than drawing.

        Raises:
            ConfigurationError: Nothing within was found, whatever was changed.
        """
        rng = np.random.default_rng(0)
        best: list[tuple[float, int, Architecture]] = []
        inside: list[Architecture] = []
        drawn = 0
        while drawn < _SURVEYED and len(inside) < _ENOUGH:
            architecture = self.whole.sample(rng)
            best.append((self.violation(architecture), drawn, architecture))
            drawn += 1
            inside += [architecture] if self.allows(architecture) else []
        found = inside if len(inside) >= _ENOUGH else self._climbed(best, rng)
        seen = dict.fromkeys([*(architecture for _, _, architecture in best), *found])
        values = {architecture: self.metrics(architecture) for architecture in seen}
        return Survey(drawn, len(inside), tuple(dict.fromkeys(found)), values)

    def _climbed(
        self, drawn: list[tuple[float, int, Architecture]], rng: np.random.Generator
    ) -> list[Architecture]:
        """What descending along the violation from the best of a sample finds within."""
        climbers = sorted(drawn)[:_CLIMBERS]
        since_first = 0
        for step in range(_CLIMB):
            inside = [architecture for excess, _, architecture in climbers if excess <= 0]
            if len(inside) >= _ENOUGH or since_first == _AFTER_THE_FIRST:
                return inside
            since_first += bool(inside)
            children = [self.whole.mutate(a, rng) for _, _, a in climbers for _ in range(2)]
            more = [(self.violation(c), -step * 100 - i, c) for i, c in enumerate(children)]
            pool = {architecture: (excess, i) for excess, i, architecture in [*more, *climbers]}
            climbers = sorted((e, i, a) for a, (e, i) in pool.items())[:_CLIMBERS]
        nearest = climbers[0][2]
        known = self.metrics(nearest)
        broken = next(text for bound in self.free if (text := bound.broken_by(known)))
        raise ConfigurationError(
            f"bounds: of {counted(len(drawn), 'random architecture')} and what was found from the "
            f"nearest of them, none is within; of the nearest, {nearest!r}, {broken}. Loosen the "
            "bound, or give the space architectures that meet it"
        )

    def _known(self, architecture: Architecture, names: Collection[str]) -> Mapping[str, float]:
        try:
            return self._foreknown(architecture, names)
        except Exception:  # of the user's code: the trial will show it
            return {}


def total_excess(bounds: Sequence[Bound], metrics: Mapping[str, float]) -> float:
    """Excess of metrics over bounds, as shares of the limits; missing metrics are within."""
    known = ((bound, metrics.get(bound.metric, math.nan)) for bound in bounds)
    return sum(max(0.0, bound.excess(value)) for bound, value in known if not math.isnan(value))
