"""One search over architectures and budgets: short trainings explore, full ones settle.

Multi-fidelity Bayesian optimization: a Gaussian process over all budgets, see
`raynas.controllers.multi_source_process`. The next architecture is the one by whose training the
posterior mean at the full budget is expected to rise most above the highest one: expected
improvement (Jones, Schonlau and Welch 1998, "Efficient Global Optimization of Expensive Black-Box
Functions", section 4.1), with the change of the mean in place of the observation.

Which budget is next follows from shares of the cost so far, see `raynas.controllers.budget_shares`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.arguments import checked
from raynas.controllers.acquisition import log_expected_improvement
from raynas.controllers.acquisition_optimizer import Candidates, Promise
from raynas.controllers.base import Controller
from raynas.controllers.budget_beliefs import Belief, Trust, trust_in
from raynas.controllers.budget_outcomes import rewarded_or_not, trained, with_ruled_out
from raynas.controllers.budget_shares import next_level
from raynas.controllers.budgets import checked_budgets
from raynas.controllers.chance_of_reward import ChanceOfReward, weighed
from raynas.controllers.cost_limit import NO_LIMIT, CostLimit
from raynas.controllers.earlier_observations import best_before, observed
from raynas.controllers.earlier_search import EarlierSearch
from raynas.controllers.feasible import FeasibleSpace
from raynas.controllers.features import Features
from raynas.controllers.multi_budget_model import MultiBudgetModel
from raynas.controllers.multi_source_process import MultiSourceProcess, variance
from raynas.controllers.one_blas_thread import one_blas_thread
from raynas.controllers.within_bounds import BoundedProposals
from raynas.controllers.zero_cost_features import Scores
from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.trials import Architecture, Completed, History, Trial

__all__ = ["MultiBudget"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_PARENTS, _FEW_DECISIONS = 10, 20  # as in `raynas.controllers.surrogate`
_PLAIN, _FAR, _NEAR = "plain", "far", "near"
_STALLED, _STALLED_LONGER, _LONG_STALLED, _LEAP = 5, 10, 20, 3.0
"""Benchmarks/cost.py, nb201, short trainings only: 0.04 points below the best of 100 (45 seeds),
0.13 (20 seeds) with leaps after 10. Longer trainings are as dear as those of `Surrogate`, and leap
as seldom.
"""
_NEIGHBORS = 200  # by hand: so many are scored in the time of a proposal
_BEFORE_LONGER = 10
"""Trials; with 16, mnist is 0.48 instead of 0.43 points below the best at cost 6, with a standard
error of 0.07 (benchmarks/cost.py, 60 seeds).
"""
_SURPRISE = 2.5
"""In standard deviations. None of 200 searches of benchmarks/cost.py repeated a full training."""
_COMPARED = 60  # by hand: the others are hardly ever the best one
_DRAWS = 2000  # so that the standard error of a probability is at most 0.011


@checked
class MultiBudget(Controller):
    """Proposes architectures together with budgets.

    Args:
        space: Space of the proposals; of a `FeasibleSpace` only what is within its bounds.
        budgets: Lengths of a training, as shares of a full one, rising to 1.
        limit: What all trials may cost together. The last full training within it is that of the
            architecture believed to be best.
        initial: How many architectures are random, at the lowest budget, before a model is asked;
            none where there are earlier searches.
        earlier: What other searches found, on other data or in spaces with some of the same
            decisions. What they tell of this one is learned.
        scores: Zero-cost scores that predict the reward, see `Surrogate`.

    Raises:
        ConfigurationError: `initial` is below 1, or see `checked_budgets` and `observed`.
    """

    def __init__(
        self,
        space: Space[Any],
        budgets: Sequence[float],
        limit: CostLimit = NO_LIMIT,
        initial: int = 4,
        earlier: Sequence[EarlierSearch] = (),
        scores: Mapping[Architecture, Scores] | None = None,
    ) -> None:
        super().__init__(space)
        self.limit = limit
        if initial < 1:
            raise ConfigurationError(f"initial={initial}: must be at least 1")
        self.budgets = checked_budgets(budgets)
        self.initial = 0 if earlier else initial
        self._features = features = Features(space, scores)
        self._candidates = Candidates(space, features)
        known = [some for search in earlier for some in observed(search, features)]
        self._model = MultiBudgetModel(features, self.budgets, known)
        self._chance = ChanceOfReward(features, self._model.rows)
        self._bounded = BoundedProposals(space) if isinstance(space, FeasibleSpace) else None
        self._known_before = best_before(earlier, space, _PARENTS)

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """The architecture of `propose_training`."""
        proposed = self.propose_training(history, rng)
        return None if proposed is None else proposed[0]

    @one_blas_thread()
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
        levels = (first, *(level for level in range(len(self.budgets)) if level != first))
        affords_full = self.limit.allows(history, 1.0)
        within = self.limit.leaves_a_full_training if affords_full else self.limit.allows
        for level in levels:
            if within(history, self.budgets[level]):
                found = self._at(level, history, process, rng)
                if found is not None:
                    return found, self.budgets[level]
        found = self._final(history, process, rng) if affords_full else None
        return None if found is None else (found, 1.0)

    def _final(
        self, history: History, process: MultiSourceProcess | None, rng: np.random.Generator
    ) -> Architecture | None:
        """The last full training: of what is believed to be best, unless it has had one."""
        full = history.at_budget(1.0)
        best = next(iter(self._ranked(history, process)), None)
        if best is not None and best.architecture not in full.architectures:
            return best.architecture
        return self._untried(len(self.budgets) - 1, full, history, process, rng)

    def _ranked(self, history: History, process: MultiSourceProcess | None) -> list[Trial]:
        """The trials of `trained`, those of highest mean at the full budget first."""
        trials = trained(history)
        if process is None or not trials:
            return sorted(trials, key=lambda trial: (trial.budget, trial.reward), reverse=True)
        means = process.predict(self._model.rows(trials), process.top).means
        return [trials[i] for i in np.argsort(-means, kind="stable")]

    @one_blas_thread()
    def recommend(self, history: History) -> Trial | None:
        """The trial, at the highest budget, of the architecture believed to be the best.

        It is the one of highest posterior mean at the full budget, never merely the luckiest. When
        the limit is reached, it is among those trained in full, if there are any.
        """
        process = self._model.process(history, pending=False)
        if process is None:
            return next(iter(self._ranked(history, None)), None)
        beliefs = self._beliefs(history, process)
        return beliefs[0].trial if beliefs else None

    @one_blas_thread()
    def beliefs(self, history: History, count: int = 10) -> list[Belief]:
        """The `count` architectures believed to be best, best first; empty without a model.

        The first one is what `recommend` gives.
        """
        process = self._model.process(history, pending=False)
        if process is None:
            return []
        found = self._beliefs(history, process)
        leading = self._model.rows([belief.trial for belief in found[:_COMPARED]])
        chances = process.chances(leading, _DRAWS) if found else ()
        for place, chance in enumerate(chances):
            found[place] = replace(found[place], probability=float(chance))
        return found[:count]

    def _beliefs(self, history: History, process: MultiSourceProcess) -> list[Belief]:
        """`beliefs` of all architectures, without probabilities."""
        trials = trained(history)
        if not trials:
            return []
        at = process.predict(self._model.rows(trials), process.top)
        deviations = np.sqrt(at.variances)
        unit = self._model.unit(history)
        order = np.argsort(-at.means, kind="stable")
        found = [
            Belief(trials[i], float(at.means[i] - at.means.max()) * unit, deviations[i] * unit, 0.0)
            for i in order
        ]
        if self.limit.is_reached(history, self.budgets[0]):
            found.sort(key=lambda belief: belief.trial.budget < 1)
        return found

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

    @one_blas_thread()
    def trust(self, history: History) -> list[Trust]:
        """How far each budget below the full one can be trusted; empty without a model."""
        process = self._model.process(history, pending=False)
        return [] if process is None else trust_in(process, history, self.budgets)

    def _next_level(self, history: History, process: MultiSourceProcess) -> int:
        """Place of the budget that is next by its share of the cost."""
        if len(history) < _BEFORE_LONGER:
            return 0
        first, place = self._model.first(history), self._place(process, history, 0)
        completed = history.at_budget(self.budgets[first]).completed
        if not completed and not first:
            return 0
        known = 1.0
        if completed:
            variances = process.predict(self._model.rows(completed), place).variances
            known = 1 - float(variances.mean()) / variance(process.sources, place, place)
        return next_level(history, process, self.budgets, known, first, self.limit)

    def _place(self, process: MultiSourceProcess, history: History, level: int) -> int:
        """Place of the source of a budget, or else of the lowest one that tells something."""
        level = max(level, self._model.first(history))
        return process.top - (len(self.budgets) - 1) + level

    def _at(
        self,
        level: int,
        history: History,
        process: MultiSourceProcess | None,
        rng: np.random.Generator,
    ) -> Architecture | None:
        """What to try at a budget; None where everything was."""
        here = history.at_budget(self.budgets[level])
        top = len(self.budgets) - 1
        if self._model.first(history) < level == top and len(here) == 1:
            return self._contrast(here, self._ranked(history, process))
        again = self._surprising(here, process) if level == top else None
        return self._untried(level, here, history, process, rng) if again is None else again

    def _surprising(self, here: History, process: MultiSourceProcess | None) -> Architecture | None:
        """The best one trained in full, once, where the model did not expect it.

        Only a second training tells luck from what the features do not show.
        """
        best = next(iter(here.best(1)), None)
        if best is None or process is None:
            return None
        once = sum(trial.architecture == best.architecture for trial in here) == 1
        surprise = process.surprise(self._model.rows([best])[0], process.top)
        return best.architecture if once and surprise > _SURPRISE else None

    def _untried(
        self,
        level: int,
        here: History,
        history: History,
        process: MultiSourceProcess | None,
        rng: np.random.Generator,
    ) -> Architecture | None:
        """The most promising architecture within bounds that was not tried `here`, or a random one.

        While too few were found within bounds, it is what may be nearest to them.
        """
        if len({self.space.canonical(a) for a in here.architectures}) >= self.space.size:
            return None
        at_first = 0 < self._model.first(history) == level and len(here) < self.initial

        def at_random(history: History, rng: np.random.Generator) -> Architecture | None:
            return self._at_random(with_ruled_out(here, history), rng)

        def promising(history: History, rng: np.random.Generator) -> Architecture | None:
            found = None
            if process is not None and not at_first:
                found = self._most_promising(level, here, history, process, rng)
            return at_random(history, rng) if found is None else found

        if self._bounded is None:
            return promising(history, rng)
        return self._bounded.proposed(promising, history, rng, otherwise=at_random)

    def _at_random(self, tried: History, rng: np.random.Generator) -> Architecture | None:
        """An architecture that was not tried, drawn at random; None where all were."""
        known = {self.space.canonical(a) for a in tried.architectures}
        for _ in range(100):
            drawn = self.space.canonical(self.space.sample(rng))
            if drawn not in known:
                return drawn
        forms = map(self.space.canonical, self.space.enumerate())
        return next((form for form in forms if form not in known), None)

    def _contrast(self, here: History, ranked: Sequence[Trial]) -> Architecture | None:
        """An ordinary architecture, for the second full training.

        Only two that are believed to differ show whether short trainings can be believed. It is
        the second best of those that were drawn at random at first, or else a poor one: where
        short trainings lead to a wrong place, nothing that the search has chosen since is outside.
        """
        drawn = [trial for trial in ranked if trial.number < self.initial]
        order = (*drawn[1:], *ranked[len(ranked) * 3 // 4 :], *ranked)
        left = (trial.architecture for trial in order)
        return next((one for one in left if one not in here.architectures), None)

    def _most_promising(
        self,
        level: int,
        here: History,
        history: History,
        process: MultiSourceProcess,
        rng: np.random.Generator,
    ) -> Architecture | None:
        tried = with_ruled_out(here, history)
        trials = self._ranked(history, process)
        turn = _PLAIN
        promise: Promise = partial(_expected, process)
        if trials:
            place = self._place(process, history, level)
            turn = _turn(level, here) if level <= self._model.first(history) else _PLAIN
            promise = self._improvement(process, place, trials[0], turn == _FAR)
        promise = weighed(promise, self._chance(history, *rewarded_or_not(history)))
        near = self._neighbor(tried, trials[0], promise) if turn == _NEAR else None
        if near is not None:
            return near
        parents = [*trials[:_PARENTS], *self._known_before]
        deep = len(self.space.columns) > _FEW_DECISIONS and bool(parents)
        found, _, promises = self._candidates.searched(tried, parents, promise, rng, deep)
        more = [trial.architecture for trial in (*trials, *self._known_before)]
        if more:
            promises = np.append(promises, promise(self._features(more)))
        found += more
        order = np.argsort(-promises, kind="stable")
        return next((found[i] for i in order if found[i] not in tried.architectures), None)

    def _neighbor(self, tried: History, best: Trial, promise: Promise) -> Architecture | None:
        """The most promising architecture a decision from the best one that was not tried."""
        near = islice(self._features.whole.neighbors(best.architecture), _NEIGHBORS)
        left = [one for one in map(self.space.canonical, near) if one not in tried.architectures]
        return left[int(np.argmax(promise(self._features(left))))] if left else None

    def _improvement(
        self, process: MultiSourceProcess, place: int, best: Trial, leap: bool
    ) -> Promise:
        """Logarithm of the improvement of the mean at the full budget, by a training at a source.

        Args:
            process: The posterior.
            place: Place of the source.
            best: What is believed to be best.
            leap: Whether to look for improvements by `_LEAP` units of the source.
        """
        chained = np.prod([source.correlation for source in process.sources[place + 1 :]])
        (mean,) = process.predict(self._model.rows([best]), process.top).means
        beyond = float(mean) + leap * _LEAP * float(chained)

        def promise(vectors: Matrix) -> Vector:
            trained, full = process.predictions(vectors, (place, process.top))
            changes = np.maximum(np.abs(process.changes(trained, full)), 1e-9)
            return log_expected_improvement(full.means, changes, beyond)

        return promise


def _turn(level: int, here: History) -> str:
    """What a trial at the lowest budget is for: as ever, or a leap or a neighbor where it stalls.

    As in `raynas.controllers.surrogate`, every second one of a stalled search is for a leap. Of one
    that stalls for long, half of these are for what is a decision from the best: a model that is
    sure of a slope never looks there.
    """
    if not len(here) % 2 or here.since_best < (_STALLED_LONGER if level else _STALLED):
        return _PLAIN
    return _NEAR if len(here) % 4 == 3 and here.since_best >= _LONG_STALLED else _FAR


def _expected(process: MultiSourceProcess, vectors: Matrix) -> Vector:
    return process.predict(vectors, process.top).means
