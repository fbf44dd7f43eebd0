"""Search for a Pareto front, guided by a surrogate of each objective.

The promise of an architecture is the hypervolume that it is expected to add to the front; see
`raynas.controllers.hypervolume_improvement`.

All else is as in `raynas.controllers.surrogate`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.arguments import checked
from raynas.controllers.acquisition_optimizer import Candidates, Promise
from raynas.controllers.base import Controller
from raynas.controllers.chance_of_reward import weighed
from raynas.controllers.features import Features
from raynas.controllers.hypervolume_improvement import expected_hypervolume_improvement
from raynas.controllers.one_blas_thread import one_blas_thread
from raynas.controllers.subsampling import FEWEST
from raynas.controllers.surrogate_model import SurrogateModel
from raynas.controllers.zero_cost_features import Scores
from raynas.dominance import hypervolume, non_dominated
from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.trials import Architecture, History, Trial

__all__ = ["SurrogatePareto"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_PARENTS = 12  # chosen by hand: as for one objective, and the ends of the front
_BEYOND = 0.1  # share of the front's range, so that its ends count, too
_LEAST_PROMISE = 1e-300  # the smallest figures whose logarithm is finite


@checked
class SurrogatePareto(Controller):
    """Proposes the architecture that is expected to add most to the front.

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
        initial: int = 10,
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
        few = len(history) < self.initial or not self._has_a_model(history)
        if few:
            return self.space.sample(rng)
        parents = _parents(history, rng)
        promise, *_ = self._promise(history, history.running, rng)
        return self._candidates.most_promising(history, parents, promise, rng)

    @one_blas_thread()
    def expected_gain(self, history: History) -> float:
        """What the next trial is expected to add to the hypervolume, as a share of it.

        The largest expected hypervolume improvement that is found, whatever is running; infinite
        while there is no model. Both are measured on the scale of
        `raynas.controllers.acquisition.standing`, from the worst value of each objective.
        """
        if not self._has_a_model(history):
            return math.inf
        rng = np.random.default_rng(len(history))
        parents = _parents(history, rng)
        promise, front, reference = self._promise(history, (), rng)
        whole = hypervolume(front, reference.tolist())
        best = self._candidates.most_promising(history, parents, promise, rng)
        (gain,) = np.exp(promise(self._features([self.space.canonical(best)])))
        return float(gain) / whole if whole else math.inf

    def _has_a_model(self, history: History) -> bool:
        return self.space.size > 1 and len(history.completed) >= FEWEST

    def _promise(
        self, history: History, running: Sequence[Trial], rng: np.random.Generator
    ) -> tuple[Promise, Matrix, Vector]:
        """The logarithm of the expected hypervolume improvement; over what front and reference.

        The front to improve on is that of the model's means, which noise does not make look better
        than they are; running trials belong to it with theirs (the Kriging believer). The
        improvement is weighed with the chance of a reward.
        """
        count = len(history.completed[0].objectives or ())
        processes = [self._model.process(history, objective) for objective in range(count)]
        expecting = [self._model.expecting(process, running) for process in processes]
        known = self._model.means(processes, history)
        believed = [process.fitted[len(process.fitted) - len(running) :] for process in expecting]
        points = np.vstack([known, np.column_stack(believed)])
        front = points[non_dominated(points)]
        reference = _reference(known, front)
        draws = np.random.default_rng(int(rng.integers(2**32)))
        improvement = expected_hypervolume_improvement(front, reference, draws)

        def promise(vectors: Matrix) -> NDArray[np.float64]:
            means, deviations = zip(*(p.predict(vectors) for p in expecting), strict=True)
            gain = improvement(np.column_stack(means), np.column_stack(deviations))
            logs: NDArray[np.float64] = np.log(np.maximum(gain, _LEAST_PROMISE))
            return logs

        return weighed(promise, self._model.log_chance(history)), front, reference


def _reference(known: Matrix, front: Matrix) -> Vector:
    """The corner from which hypervolume is measured: the worst of all in each objective.

    From a corner just below the front nothing would be gained by moving its ends apart.
    """
    low, high = front.min(axis=0), front.max(axis=0)
    reference: Vector = np.minimum(known.min(axis=0), low - _BEYOND * np.maximum(high - low, 1.0))
    return reference


def _parents(history: History, rng: np.random.Generator) -> list[Trial]:
    """Trials of the front: the best in each objective, and others at random."""
    front = history.front()
    if len(front) <= _PARENTS:
        return list(front)
    points = np.array([trial.objectives for trial in front])
    ends = list(dict.fromkeys(points.argmax(axis=0).tolist()))[:_PARENTS]
    others = np.setdiff1d(np.arange(len(front)), ends)
    chosen = rng.choice(others, _PARENTS - len(ends), replace=False)
    return [front[index] for index in sorted([*ends, *chosen.tolist()])]
