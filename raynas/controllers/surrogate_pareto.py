"""Search for a Pareto front, guided by a surrogate of each objective.

The promise of an architecture is the hypervolume that it is expected to add to the front. Of two
objectives it is exact: Emmerich, Deutz and Klinkenberg 2011, "Hypervolume-Based Expected
Improvement: Monotonicity Properties and Exact Computation", section 4. Of more it is estimated by
random scalarizations, whose mean is the hypervolume: Golovin and Zhang 2020, "Random Hypervolume
Scalarizations for Provable Multi-Objective Black Box Optimization", lemma 5.

All else is as in `raynas.controllers.surrogate`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.arguments import checked
from raynas.controllers.acquisition import expected_hypervolume_improvement
from raynas.controllers.acquisition_optimizer import Candidates, Promise
from raynas.controllers.base import Controller
from raynas.controllers.features import Features
from raynas.controllers.one_blas_thread import one_blas_thread
from raynas.controllers.surrogate_model import FEWEST, SurrogateModel
from raynas.controllers.zero_cost_features import Scores
from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.trials import Architecture, History, Trial

__all__ = ["SurrogatePareto"]

Matrix = NDArray[np.float64]

_PARENTS = 12
_BEYOND = 0.1
_LEAST_PROMISE = 1e-300


@checked
class SurrogatePareto(Controller):
    """Proposes the architecture that is expected to add most to the front.

    Args:
        space: Where the proposals come from.
        initial: How many architectures are random, before a model is asked.
        scores: Scores that cost no training, of some architectures, such as those of
            `raynas.meters.ZeroCost`. The model learns from the rewards how much they say.

    Raises:
        ConfigurationError: `initial` is below 1.
    """

    def __init__(
        self,
        space: Space[Any],
        initial: int = 10,
        scores: Mapping[Architecture, Scores] | None = None,
    ) -> None:
        super().__init__(space)
        if initial < 1:
            raise ConfigurationError(f"initial={initial}: must be at least 1")
        self.initial = initial
        features = Features(space, scores)
        self._candidates = Candidates(space, features)
        self._model = SurrogateModel(features)

    @one_blas_thread()
    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        few = len(history) < self.initial or len(history.completed) < FEWEST
        if few or self.space.size == 1:
            return self.space.sample(rng)
        front = sorted(history.front(), key=lambda trial: trial.objectives or ())
        chosen = np.unique(np.linspace(0, len(front) - 1, _PARENTS).round().astype(int))
        parents = [front[index] for index in chosen]
        promise = self._promise(history, front, rng)
        return self._candidates.most_promising(history, parents, promise, rng)

    def _promise(self, history: History, front: list[Trial], rng: np.random.Generator) -> Promise:
        count = len(front[0].objectives or ())
        processes = [self._model.process(history, objective) for objective in range(count)]
        seen = self._model.seen(history)
        held = {trial.number for trial in front}
        rows = [row for row, trial in enumerate(seen) if trial.number in held]
        points = np.column_stack([process.fitted[rows] for process in processes])
        low, high = points.min(axis=0), points.max(axis=0)
        reference = low - _BEYOND * np.maximum(high - low, 1.0)
        expecting = [self._model.expecting(process, history.running) for process in processes]
        feasible = self._model.feasibility(history)
        seed = int(rng.integers(2**32))

        def promise(vectors: Matrix) -> NDArray[np.float64]:
            means, deviations = zip(*(p.predict(vectors) for p in expecting), strict=True)
            gain = expected_hypervolume_improvement(
                np.column_stack(means),
                np.column_stack(deviations),
                points,
                reference,
                np.random.default_rng(seed),
            )
            logs: NDArray[np.float64] = np.log(np.maximum(gain, _LEAST_PROMISE))
            return logs if feasible is None else logs + np.log(feasible(vectors))

        return promise
