"""Search within bounds on metrics: where the feasible part of a space lies, and proposals from it.

A bound on a metric that is free to know, such as the number of parameters, is asked before an
architecture is proposed: controllers see a space of what is within. A bound on a metric that takes
a measurement, such as a latency, is learned from the trials that were found outside it. Until a
model of the rewards can be fitted, a surrogate searches for the smallest violation, as the feasible
part may be a small one (the first phase of Gelbart, Snoek and Adams 2014, "Bayesian Optimization
with Unknown Constraints", UAI, section 3.3); from then on the controller's own acquisition weighs
in the probability of feasibility.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from raynas.controllers.base import Controller
from raynas.controllers.by_name import ControllerLike, make_controller
from raynas.errors import ConfigurationError
from raynas.rewards import Bound
from raynas.space import Space
from raynas.trials import BOUND, Architecture, Completed, History, Infeasible, Measurement, Trial
from raynas.wording import counted

__all__ = ["FeasibleSpace", "Foreknown", "Survey", "WithinBounds", "within_bounds"]

Foreknown = Callable[[Architecture, Collection[str]], Mapping[str, float]]
"""From an architecture and names of metrics to those that are known before it is tried."""

_DRAWS, _MUTANTS, _CHILDREN, _STEPS = 50, 30, 10, 8
"""Attempts of each kind to stay within bounds; chosen by hand, at 1 ms or less each."""
_SURVEYED, _ENOUGH, _OFTEN = 120, 20, 0.1
"""A share of 0.1 is known to +-0.05 by 120 draws, and 20 inside are enough to begin with."""
_CLIMB, _CLIMBERS, _AFTER_THE_FIRST = 100, 20, 5
"""Steps and starting points towards the bounds; chosen by hand: a second at most."""
_OUTSIDE_IN_A_ROW = 100_000  # a part smaller than 3 in 100,000 is taken for empty (95 %)
_ATTEMPTS = 50  # chosen by hand: repeats of a controller are rare
_FEWEST, _FIRST = 4, 8
"""As many as a model needs, and as many outside as tell a search that it is in the wrong place."""
_UNGUIDED = ("grid", "random")


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
        for _ in range(_FEWEST):
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


class WithinBounds(Controller):
    """Passes on only proposals within bounds, as far as those are free to know.

    Args:
        space: What the search is over.
        controller: Makes the one that proposes, for the part that is within.
        bounds: All bounds.
        seeks: Whether to begin with a search for the smallest violation of the other bounds.
    """

    def __init__(
        self, space: FeasibleSpace, controller: ControllerLike, bounds: Sequence[Bound], seeks: bool
    ) -> None:
        super().__init__(space)
        self.bounds = tuple(bounds)
        self._within = space
        self._made_by = controller
        self._seeks = seeks

    @cached_property
    def controller(self) -> Controller:
        """Who proposes; made when first asked, as some look at what the space holds."""
        return make_controller(self._made_by, self._within)

    @cached_property
    def _seeker(self) -> Controller:
        return make_controller("surrogate", self._within)

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        if self._is_lost(history):
            return self._checked(self._seeker, self._violations(history), rng)
        return self._checked(self.controller, history, rng)

    def propose_batch(
        self, history: History, count: int, rng: np.random.Generator
    ) -> Sequence[Architecture]:
        """See `Controller.propose_batch`."""
        if self._is_lost(history):
            return super().propose_batch(history, count, rng)
        proposed = self.controller.propose_batch(history, count, rng)
        inside = [architecture for architecture in proposed if self._within.allows(architecture)]
        return inside or super().propose_batch(history, count, rng)

    def recommend(self, history: History) -> Trial | None:
        """See `Controller.recommend`."""
        return self.controller.recommend(history)

    def _checked(
        self, controller: Controller, history: History, rng: np.random.Generator
    ) -> Architecture | None:
        """What `controller` proposes, asked again while that is outside."""
        for _ in range(_ATTEMPTS):
            proposed = controller.propose(history, rng)
            if proposed is None or self._within.allows(proposed):
                return proposed
            if proposed not in history.architectures:
                known = Measurement(self._within.metrics(proposed))
                outcome = Infeasible("outside a bound that is free to know", known, BOUND)
                history = history.asked(Trial(len(history), proposed, outcome))
        drawn = [self._within.canonical(self._within.sample(rng)) for _ in range(_ATTEMPTS)]
        inside = [one for one in drawn if self._within.allows(one)] or drawn
        return next((one for one in inside if one not in history.architectures), inside[0])

    def _is_lost(self, history: History) -> bool:
        """Whether trials are found outside, and too few within for a model of the rewards."""
        few = len(history.completed) < _FEWEST
        return self._seeks and few and len(history.outside) >= _FIRST

    def _violations(self, history: History) -> History:
        """`history` with the violation of the bounds, negated, in place of each reward."""
        return History([self._rewarded(trial) for trial in history])

    def _rewarded(self, trial: Trial) -> Trial:
        match trial.outcome:
            case Infeasible(kind="bound", measurement=Measurement() as measured):
                violation = total_excess(self.bounds, measured.metrics)
            case Completed():
                violation = 0.0
            case _:
                return trial
        return replace(trial, outcome=Completed(Measurement({}), -violation))


def within_bounds(
    controller: ControllerLike, bounds: Sequence[Bound], foreknown: Foreknown
) -> ControllerLike:
    """`controller` within `bounds`; see `WithinBounds`.

    Args:
        controller: A name, or what makes a controller from a space.
        bounds: Bounds on metrics, one or more.
        foreknown: Gives the metrics that are free to know.
    """

    def make(space: Space[Any]) -> Controller:
        within = FeasibleSpace(space, bounds, foreknown)
        seeks = controller not in _UNGUIDED
        return WithinBounds(within, controller, bounds, seeks)

    return make


def total_excess(bounds: Sequence[Bound], metrics: Mapping[str, float]) -> float:
    """Excess of metrics over bounds, as shares of the limits; missing metrics are within."""
    known = ((bound, metrics.get(bound.metric, math.nan)) for bound in bounds)
    return sum(max(0.0, bound.excess(value)) for bound, value in known if not math.isnan(value))
