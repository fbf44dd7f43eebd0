"""Search guided by a surrogate: a Gaussian process over decisions, their totals and blocks.

Jones, Schonlau and Welch 1998, "Efficient Global Optimization of Expensive Black-Box Functions",
section 4.1, for the loop and for expected improvement; Ginsbourger, Le Riche and Carraro 2010,
"Kriging Is Well-Suited to Parallelize Optimization", section 4.2.1, for trials that still run: they
count as if their reward were what the model expects. White, Neiswanger and Savani 2021, "BANANAS",
section 3, for looking for the next architecture among mutants of the best.

Where trials fail or are infeasible, expected improvement is weighed with the chance that an
architecture is neither, as Gardner et al. 2014, "Bayesian Optimization with Inequality
Constraints", equation 5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.arguments import checked
from raynas.controllers.acquisition import log_expected_improvement, unit_of_standing
from raynas.controllers.acquisition_optimizer import Candidates, Promise
from raynas.controllers.base import Controller
from raynas.controllers.batch_proposals import Explored, believed_batch
from raynas.controllers.chance_of_reward import weighed
from raynas.controllers.features import Features
from raynas.controllers.gaussian_process import GaussianProcess
from raynas.controllers.one_blas_thread import one_blas_thread
from raynas.controllers.subsampling import FEWEST
from raynas.controllers.surrogate_model import SurrogateModel
from raynas.controllers.zero_cost_features import Scores
from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.trials import Architecture, History, Trial

__all__ = ["Surrogate"]

_PARENTS, _FEW_PARENTS = 10, 4
"""As `_MUTANTS` of the acquisition optimizer; few in large spaces: benchmarks/controllers.py,
synthetic-202.
"""
_FEW_DECISIONS = 20
"""Tables have at most 9 decisions, and synthetic spaces from 32 on; between them unmeasured."""
_STALLED, _LEAP = 10, 3.0
"""Benchmarks/controllers.py: NAS-Bench-201's optimum in 60 of 60 seeds within 120 trials instead of
56.
"""
_BELIEVED = 256
"""So many of the latest running trials count as if they had ended."""


@checked
class Surrogate(Controller):
    """Proposes the architecture of highest expected improvement that it finds.

    While ten rewards in a row have not beaten the best one, every second proposal is for a leap: it
    looks for improvements by three standard deviations of the rewards, which are expected where
    the model knows least, so that a search leaves a local optimum.

    In spaces of more than twenty decisions it looks among few descendants of the best trials only.

    Args:
        space: Space of the proposals.
        initial: How many architectures are random, before a model is asked.
        scores: Scores that cost no training, of some architectures, such as those of
            `raynas.meters.ZeroCost`. The model learns from the rewards how much they say.

    Raises:
        ConfigurationError: `initial` is below 1.
    """

    def __init__(
        self,
        space: Space[Any],
        initial: int = 4,
        scores: Mapping[Architecture, Scores] | None = None,
    ) -> None:
        super().__init__(space)
        if initial < 1:
            raise ConfigurationError(f"initial={initial}: must be at least 1")
        self.initial = initial
        self._features = Features(space, scores)
        self._candidates = Candidates(space, self._features)
        self._model = SurrogateModel(self._features)

    @one_blas_thread()
    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        if len(history) < self.initial or not self._has_a_model(history):
            return self.space.sample(rng)
        process = self._model.process(history)
        leap = _LEAP if history.since_best >= _STALLED and len(history) % 2 else 0.0
        promise = self._promise(history, process, history.running, leap)
        if len(self.space.columns) > _FEW_DECISIONS:
            best = self._ranked(history, process)[:_FEW_PARENTS]
            return self._candidates.most_promising_descendant(history, best, promise, rng)
        return self._candidates.most_promising(history, history.best(_PARENTS), promise, rng)

    @one_blas_thread()
    def propose_batch(
        self, history: History, count: int, rng: np.random.Generator
    ) -> Sequence[Architecture]:
        """See `Controller.propose_batch`: each counts as run when the next one is chosen."""
        if count == 1 or len(history) < self.initial or not self._has_a_model(history):
            return super().propose_batch(history, count, rng)
        known = self._model.process(history)
        best = float(known.fitted.max())
        process = self._model.expecting(known, history.running[-_BELIEVED:])
        many = len(self.space.columns) > _FEW_DECISIONS
        parents = self._ranked(history, known)[:_FEW_PARENTS] if many else history.best(_PARENTS)

        explored = Explored(process)

        def promise(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
            return explored.log_improvement(vectors, best)

        found, vectors, rows = self._candidates.for_batch(
            history, parents, promise, rng, many, count
        )
        if not found:
            return super().propose_batch(history, count, rng)
        log_chance = self._model.log_chance(history)
        chances = np.zeros(len(found)) if log_chance is None else log_chance(vectors)
        stalled = history.since_best >= _STALLED
        beyond = [best + _LEAP * (stalled and (len(history) + i) % 2) for i in range(count)]
        posterior = explored.posterior(rows)
        return [found[row] for row in believed_batch(process, posterior, beyond, chances)]

    @one_blas_thread()
    def recommend(self, history: History) -> Trial | None:
        """The completed trial of which the model expects most: not merely the luckiest one."""
        if not self._has_a_model(history):
            return super().recommend(history)
        return self._ranked(history, self._model.process(history))[0]

    @one_blas_thread()
    def expected_gain(self, history: History, beyond: float = 0.0) -> float:
        """What the next trial is expected to gain over the best reward, in rewards.

        It is the largest expected improvement that is found, over the best that the model expects
        of a completed trial and `beyond` that, whatever is running; infinite while there is no
        model, and 0 where all rewards are equal.
        """
        if not self._has_a_model(history):
            return math.inf
        unit = unit_of_standing(np.array(history.rewards))
        if not unit:
            return 0.0
        promise = self._promise(history, self._model.process(history), (), beyond / unit)
        rng = np.random.default_rng(len(history))
        parents = history.best(_PARENTS)
        best = self._candidates.most_promising(history, parents, promise, rng)
        (gain,) = np.exp(promise(self._features([self.space.canonical(best)])))
        return float(gain) * unit

    def _has_a_model(self, history: History) -> bool:
        return self.space.size > 1 and len(history.completed) >= FEWEST

    def _ranked(self, history: History, process: GaussianProcess) -> list[Trial]:
        """The completed trials that the model sees, those of which it expects most first."""
        seen = self._model.seen(history)
        order = np.argsort(-process.fitted[: len(seen)], kind="stable")
        return [seen[i] for i in order]

    def _promise(
        self,
        history: History,
        process: GaussianProcess,
        running: Sequence[Trial],
        beyond: float,
    ) -> Promise:
        """The logarithm of the expected improvement beyond an amount, on the model's scale.

        It is weighed with the chance of a reward.
        """
        best = float(process.fitted.max()) + beyond
        process = self._model.expecting(process, running[-_BELIEVED:])

        def promise(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
            return log_expected_improvement(*process.predict(vectors), best)

        return weighed(promise, self._model.log_chance(history))
