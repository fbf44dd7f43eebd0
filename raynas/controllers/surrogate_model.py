"""What a surrogate believes of a search: rewards, trials that still run, and chances of failure.

Everything is a function of the history. Hyperparameters are fitted on the first n completed trials,
where n grows by steps of a tenth, so that most proposals fit nothing; of long
histories the model sees the best trials, the latest and some others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.controllers.acquisition import standing
from raynas.controllers.chance_of_reward import ChanceOfReward
from raynas.controllers.covariances import Covariances
from raynas.controllers.features import Features
from raynas.controllers.gaussian_process import GaussianProcess, Prior, fit_kernel
from raynas.controllers.observations import observations
from raynas.controllers.subsampling import kept_of, scheduled, spread_sample
from raynas.controllers.vector_cache import VectorCache
from raynas.dominance import fronts
from raynas.trials import Completed, History, Trial

__all__ = ["SurrogateModel"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_FITTED_ON, _SEEN = 300, 500
"""A cubic cost: proposals stay below 22 ms at 10,000 trials (benchmarks/controllers.py --scale)."""


class SurrogateModel:
    """Gaussian processes on the objectives of a search.

    Args:
        features: Vectors of architectures.
    """

    def __init__(self, features: Features) -> None:
        self._features = features
        self._rows = VectorCache(features)
        self._fitted: dict[int, tuple[object, Covariances]] = {}
        self._chance = ChanceOfReward(features, self._rows)
        self._seen: tuple[History | None, Vector, NDArray[np.int64], list[Trial]]
        self._seen = None, np.zeros(0), np.zeros(0, dtype=np.int64), []

    @cached_property
    def _prior(self) -> Prior:
        """Prior of the kernels' hyperparameters; not made with the object, as it takes a sample."""
        return self._features.prior()

    def seen(self, history: History) -> list[Trial]:
        """The completed trials that the model goes by, in ask order."""
        return self._kept(history)[2]

    def _kept(self, history: History) -> tuple[Vector, NDArray[np.int64], list[Trial]]:
        """All rewards, the places among them of the trials in `seen`, and these."""
        if self._seen[0] is not history:
            rewards, completed = np.array(history.rewards), tuple(history.completed)
            kept = kept_of(_merits(rewards, completed, _SEEN), _SEEN)
            self._seen = history, rewards, kept, [completed[i] for i in kept]
        return self._seen[1:]

    def means(self, processes: Sequence[GaussianProcess], history: History) -> Matrix:
        """What the processes of all objectives make of each completed trial, a row a trial.

        Those that a model does not see are as they were observed.
        """
        rewards, kept, _ = self._kept(history)
        columns = []
        for objective, process in enumerate(processes):
            values = _objectives(history, objective) if objective else rewards
            column = standing(values)
            column[kept] = process.fitted[: len(kept)]
            columns.append(column)
        return np.column_stack(columns)

    def process(self, history: History, objective: int = 0) -> GaussianProcess:
        """The posterior of an objective on the scale of `standing`.

        Its observations are the trials of `seen` and, of the first objective, those that a
        scheduler stopped, as their learning curves place them, but never above the middle.
        """
        rewards, kept, seen = self._kept(history)
        values = _objectives(history, objective) if objective else rewards
        stopped = [] if objective else _stopped(history)
        trials = [*seen, *(history[o.number] for o in stopped)]
        covariances, x = self._covariances(history, objective), self._rows(trials)
        y = np.concatenate([standing(values)[kept], [min(o.score, 0.0) for o in stopped]])
        extra = np.array([0.0] * len(kept) + [o.noise for o in stopped])
        known = covariances([trial.number for trial in trials], x)
        return GaussianProcess(covariances.kernel, x, y, extra, known)

    def expecting(self, process: GaussianProcess, running: Sequence[Trial]) -> GaussianProcess:
        """`process` as if each of the `running` trials had the reward that is expected of it."""
        return process.expecting(self._rows(running)) if running else process

    def _covariances(self, history: History, objective: int = 0) -> Covariances:
        """Kernel fitted to the trials that completed first, as many as the schedule has it.

        Trials that run at the same time end in any order; those that ended first stay the first.
        """
        first = history.completed_by_end[: scheduled(len(history.completed))]
        if objective not in self._fitted or self._fitted[objective][0] != first:
            outcomes = [trial.outcome for trial in first if isinstance(trial.outcome, Completed)]
            merits = _merits(np.array([o.reward for o in outcomes]), first, _FITTED_ON)
            kept = spread_sample(merits, _FITTED_ON)
            values = np.array([outcome.objectives[objective] for outcome in outcomes])
            y = standing(values)[kept]
            fitted = fit_kernel(self._prior, self._rows([first[i] for i in kept]), y)
            self._fitted[objective] = first, Covariances(fitted)
        return self._fitted[objective][1]

    def log_chance(self, history: History) -> Callable[[Matrix], Vector] | None:
        """See `ChanceOfReward`; None while nothing went wrong."""
        bad = sorted((*history.failures, *history.outside), key=lambda trial: trial.number)
        return self._chance(history, history.completed, bad)


def _objectives(history: History, objective: int) -> Vector:
    """An objective of the completed trials, in ask order."""
    return np.array([t.objectives[objective] for t in history.completed if t.objectives])


def _merits(rewards: Vector, completed: Sequence[Trial], limit: int) -> Vector:
    """Key by which completed trials are kept where there are more than `limit`: larger is better.

    Their rewards or, of several objectives, their layers of non-domination.
    """
    if len(completed) <= limit or len(completed[0].objectives or ()) < 2:
        return rewards
    merits = np.full(len(completed), -np.inf)
    for place, layer in enumerate(fronts([trial.objectives or () for trial in completed], limit)):
        merits[layer] = -place
    return merits


def _stopped(history: History) -> list[Any]:
    """What is known of the last trials that ended early."""
    if not history.stopped:
        return []
    return [o for o in observations(history) if o.steps is not None][-_SEEN // 2 :]
