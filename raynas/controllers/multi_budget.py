"""One search over architectures and budgets: short trainings explore, full ones settle.

Multi-fidelity Bayesian optimization: a Gaussian process over all budgets, see
`raynas.controllers.multi_source_process`. At the lowest budget the next architecture is that of
highest expected improvement of the posterior mean at the full budget; at the higher ones, that of
the highest knowledge gradient, which is what the choice of the final architecture is expected to
gain (Frazier, Powell and Dayanik 2009, "The Knowledge-Gradient Policy for Correlated Normal
Beliefs", section 2).

Which budget is next follows from shares of the cost so far. By expected gain per cost alone a
search commits itself to full trainings of a local optimum, as a single short training hardly ever
changes the choice, while a hundred do. The share of the longer trainings is larger the less the
short ones tell of the full ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from raynas.arguments import checked
from raynas.controllers.acquisition import log_expected_improvement
from raynas.controllers.acquisition_optimizer import Candidates
from raynas.controllers.base import Controller
from raynas.controllers.budgets import checked_budgets, shown_budgets
from raynas.controllers.features import Features
from raynas.controllers.multi_budget_model import MultiBudgetModel
from raynas.controllers.multi_source_process import CORRELATIONS, MultiSourceProcess, variance
from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.trials import Architecture, Completed, History, Trial

__all__ = ["Belief", "MultiBudget", "Trust", "checked_budgets", "shown_budgets"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_PARENTS, _FEW_DECISIONS = 10, 20
_STALLED, _LEAP = 10, 3.0
_BEFORE_LONGER = 10
_CAUTION = 4
_COMPARED, _OUTCOMES = 60, 10
_DRAWS = 2000
_INTERVAL = 0.9
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Trust:
    """How far the results of a budget go with those of the full one.

    Attributes:
        budget: Share of a full training.
        trials: Completed trials of that budget.
        full: Completed full trainings; without any, what follows is assumed rather than measured.
        correlation: Posterior mean of the correlation between noise-free rewards.
        low: Lower end of its 90 % credible interval.
        high: Upper end.
    """

    budget: float
    trials: int
    full: int
    correlation: float
    low: float
    high: float


@dataclass(frozen=True)
class Belief:
    """What is believed of an architecture at the full budget.

    Attributes:
        trial: Its trial of the highest budget.
        mean: Expected reward of a full training relative to the best architecture, at most 0.
        deviation: Standard deviation of its reward without noise.
        probability: Probability of being the best of all architectures tried.
    """

    trial: Trial
    mean: float
    deviation: float
    probability: float


@checked
class MultiBudget(Controller):
    """Proposes architectures together with budgets.

    Args:
        space: Where the proposals come from.
        budgets: Lengths of a training, as shares of a full one, rising to 1.
        trainings: What all trials may cost together, in full trainings.
        initial: How many architectures are random, at the lowest budget, before a model is asked.

    Raises:
        ConfigurationError: `initial` is below 1, or see `checked_budgets`.
    """

    def __init__(
        self,
        space: Space[Any],
        budgets: Sequence[float],
        trainings: float = math.inf,
        initial: int = 4,
    ) -> None:
        super().__init__(space)
        self.trainings = trainings
        if initial < 1:
            raise ConfigurationError(f"initial={initial}: must be at least 1")
        self.budgets = checked_budgets(budgets)
        self.initial = initial
        features = Features(space)
        self._candidates = Candidates(space, features)
        self._model = MultiBudgetModel(features, self.budgets)

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """The architecture of `propose_training`."""
        proposed = self.propose_training(history, rng)
        return None if proposed is None else proposed[0]

    def propose_training(
        self, history: History, rng: np.random.Generator
    ) -> tuple[Architecture, float] | None:
        """The next architecture and its budget, or None when nothing is left that may be tried.

        Args:
            history: Every asked trial in ask order, running ones too.
            rng: A generator of this proposal's own.
        """
        process = None if len(history) < self.initial else self._model.process(history)
        first = 0 if process is None else self._next_level(history, process)
        others = [level for level in range(len(self.budgets)) if level != first]
        for level in (first, *others):
            if history.cost + self.budgets[level] > self.trainings + _ROUNDING:
                continue
            found = self._at(level, history, process, rng)
            if found is not None:
                return found, self.budgets[level]
        return None

    def recommend(self, history: History) -> Trial | None:
        """The trial, at the highest budget, of the architecture believed to be the best.

        It is the one of highest posterior mean at the full budget, never merely the luckiest.
        """
        beliefs = self.beliefs(history, 1)
        if beliefs:
            return beliefs[0].trial
        for budget in reversed(self.budgets):
            for trial in history.at_budget(budget).best(1):
                return trial
        return None

    def beliefs(self, history: History, count: int = 10) -> list[Belief]:
        """The `count` architectures believed to be best, best first; empty without a model."""
        process = self._model.process(history, pending=False)
        if process is None:
            return []
        trials = _highest(history)
        at = process.predict(self._model.rows(trials), process.top)
        order = np.argsort(-at.means, kind="stable")
        chances = self._chances(process, trials, order)
        unit = self._model.unit(history)
        return [
            Belief(
                trials[i],
                float(at.means[i] - at.means[order[0]]) * unit,
                float(np.sqrt(at.variances[i])) * unit,
                float(chances[place]) if place < len(chances) else 0.0,
            )
            for place, i in enumerate(order[:count])
        ]

    def believed(self, history: History) -> History:
        """Each architecture with a reward once, rewarded as is expected of a full training.

        `history` itself where there is no model.
        """
        beliefs = self.beliefs(history, len(history))
        if not beliefs:
            return history
        means = {belief.trial.number: belief.mean for belief in beliefs}
        highest = max(belief.trial.budget for belief in beliefs)
        offset = np.mean(
            [b.trial.reward - b.mean for b in beliefs if b.trial.budget == highest]  # type: ignore[operator] # has one
        )
        kept = []
        for trial in history.completed:
            if trial.number in means and isinstance(trial.outcome, Completed):
                reward = float(offset) + means[trial.number]
                outcome = Completed(trial.outcome.measurement, reward)
                kept.append(replace(trial, outcome=outcome, budget=1.0))
        return History(tuple(kept), history.shown_as)

    def trust(self, history: History) -> list[Trust]:
        """How far each budget below the full one can be trusted; empty without a model."""
        process = self._model.process(history, pending=False)
        if process is None:
            return []
        found = []
        full = len(history.at_budget(self.budgets[-1]).completed)
        for level, budget in enumerate(self.budgets[:-1]):
            values, weights = np.ones(1), np.ones(1)
            for source in process.sources[level + 1 :]:
                values = np.outer(values, CORRELATIONS).ravel()
                weights = np.outer(weights, source.weights).ravel()
            order = np.argsort(values)
            below = np.cumsum(weights[order])
            ends = np.searchsorted(below, [(1 - _INTERVAL) / 2, (1 + _INTERVAL) / 2])
            low, high = values[order][np.minimum(ends, len(order) - 1)]
            trials = len(history.at_budget(budget).completed)
            found.append(
                Trust(budget, trials, full, float(values @ weights), float(low), float(high))
            )
        return found

    def _next_level(self, history: History, process: MultiSourceProcess) -> int:
        """The highest budget that has less than its share of the cost, or else the lowest."""
        if len(history) < _BEFORE_LONGER:
            return 0
        shortest = process.predict(
            self._model.rows(history.at_budget(self.budgets[0]).completed), 0
        )
        known = 1 - shortest.variances.mean() / variance(process.sources, 0, 0)
        correlation = 1.0
        shares = []
        for source in reversed(process.sources[1:]):
            correlation *= source.correlation
            told = known * max(correlation, 0.0) ** 2
            shares.append((1 - told) ** _CAUTION / (len(self.budgets) - 1))
        for level, share in zip(range(process.top, 0, -1), shares, strict=True):
            budget = self.budgets[level]
            spent = budget * len(history.at_budget(budget))
            if spent + budget <= share * (history.cost + budget):
                return level
        return 0

    def _at(
        self,
        level: int,
        history: History,
        process: MultiSourceProcess | None,
        rng: np.random.Generator,
    ) -> Architecture | None:
        """What to try at a budget; None where everything was."""
        here = history.at_budget(self.budgets[level])
        tried = {self.space.canonical(a) for a in here.architectures}
        if len(tried) >= self.space.size:
            return None
        if process is not None:
            found = self._most_promising(level, here, history, process, rng)
            if found is not None:
                return found
        for _ in range(100):
            drawn = self.space.canonical(self.space.sample(rng))
            if drawn not in tried:
                return drawn
        forms = map(self.space.canonical, self.space.enumerate())
        return next((form for form in forms if form not in tried), None)

    def _most_promising(
        self,
        level: int,
        here: History,
        history: History,
        process: MultiSourceProcess,
        rng: np.random.Generator,
    ) -> Architecture | None:
        trials = _highest(history)
        if not trials:
            return None
        known = process.predict(self._model.rows(trials), process.top)
        order = np.argsort(-known.means, kind="stable")
        best = float(known.means[order[0]])
        if level:
            compared = self._model.rows([trials[i] for i in order[:_COMPARED]])
            promise = _knowledge_gradient(process, level, compared)
        else:
            promise = self._improvement(process, here, best)
        parents = [trials[i] for i in order[:_PARENTS]]
        deep = len(self.space.columns) > _FEW_DECISIONS
        found, _, promises = self._candidates.searched(here, parents, promise, rng, deep)
        elsewhere = [t for t in trials if t.architecture not in here.architectures]
        found += [trial.architecture for trial in elsewhere]
        promises = np.append(promises, promise(self._model.rows(elsewhere)))
        order = np.argsort(-promises, kind="stable")
        return next((found[i] for i in order if found[i] not in here.architectures), None)

    def _improvement(
        self, process: MultiSourceProcess, here: History, best: float
    ) -> Callable[[Matrix], Vector]:
        """Logarithm of the improvement of the mean at the full budget, by the lowest budget.

        As in `raynas.controllers.surrogate`, every second one of a stalled search is for a leap.
        """
        leap = here.since_best >= _STALLED and len(here) % 2
        chained = np.prod([source.correlation for source in process.sources])
        beyond = best + (_LEAP * float(chained) if leap else 0.0)

        def promise(vectors: Matrix) -> Vector:
            short, full = process.predictions(vectors, (0, process.top))
            changes = np.maximum(np.abs(process.own_changes(short, full)), 1e-9)
            return log_expected_improvement(full.means, changes, beyond)

        return promise

    def _chances(
        self, process: MultiSourceProcess, trials: Sequence[Trial], order: NDArray[np.int64]
    ) -> Vector:
        """Probabilities of being the best, of those with the highest means."""
        leading = [trials[i] for i in order[:_COMPARED]]
        return process.chances(self._model.rows(leading), _DRAWS)


def _knowledge_gradient(
    process: MultiSourceProcess, level: int, compared: Matrix
) -> Callable[[Matrix], Vector]:
    """What the highest mean at the full budget is expected to gain by a training at a level.

    Args:
        process: The posterior.
        level: Place of the training's budget.
        compared: Vectors of the architectures that can be chosen, besides the one trained.
    """
    others = process.predict(compared, process.top)
    quantiles = ndtri((np.arange(_OUTCOMES) + 0.5) / _OUTCOMES)
    best = others.means.max()

    def promise(vectors: Matrix) -> Vector:
        trained, full = process.predictions(vectors, (level, process.top))
        changes = process.changes(trained, others)
        own = process.own_changes(trained, full)
        gains = np.zeros(len(vectors))
        for z in quantiles:
            chosen = (others.means + z * changes).max(1)
            gains += np.maximum(chosen, full.means + z * own)
        gain: Vector = gains / _OUTCOMES - np.maximum(best, full.means)
        return gain

    return promise


def _highest(history: History) -> list[Trial]:
    """For each architecture with a reward, its completed trial of the highest budget."""
    found: dict[Architecture, Trial] = {}
    for trial in history.completed:
        known = found.get(trial.architecture)
        if known is None or trial.budget >= known.budget:
            found[trial.architecture] = trial
    return list(found.values())
