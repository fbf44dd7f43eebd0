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
from raynas.controllers.covariances import Covariances
from raynas.controllers.feasibility import Feasibility
from raynas.controllers.features import Features
from raynas.controllers.gaussian_process import GaussianProcess, Prior, fit_kernel
from raynas.controllers.observations import observations
from raynas.dominance import fronts
from raynas.trials import Completed, History, Trial

__all__ = [
    "FEWEST",
    "SurrogateModel",
    "VectorCache",
    "kept_of",
    "scheduled",
    "spread_sample",
]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

FEWEST = 4
"""Completed trials that a model needs."""

_FITTED_ON, _SEEN = 300, 500
"""A cubic cost: proposals stay below 22 ms at 10,000 trials (benchmarks/controllers.py --scale)."""
_LATEST = 10
"""Of those that a model sees, one in so many is among the latest."""
_GOLDEN = (5**0.5 - 1) / 2
"""The golden ratio: multiples spread evenly (Knuth, The Art of Computer Programming 3, section
6.4).
"""


class SurrogateModel:
    """Gaussian processes on the objectives of a search.

    Args:
        features: Vectors of architectures.
    """

    def __init__(self, features: Features) -> None:
        self._features = features
        self._rows = VectorCache(features)
        self._fitted: dict[int, tuple[object, Covariances]] = {}
        self._within = Feasibility(features, self._rows)
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

    def feasibility(self, history: History) -> Callable[[Matrix], Vector] | None:
        """Model of the probability of a reward, by vectors; None while nothing went wrong.

        A Gaussian process on 1 for a reward and 0 for none, with the kernel of the rewards; of
        bounds on measured metrics, see `Feasibility`.
        """
        within = self._within(history)
        bad = [*history.failures, *(history.outside if within is None else ())]
        failing = self._failing(history, sorted(bad, key=lambda trial: trial.number))
        if within is None or failing is None:
            return within or failing
        return lambda vectors: within(vectors) * failing(vectors)

    def _failing(self, history: History, bad: Sequence[Trial]) -> Callable[[Matrix], Vector] | None:
        """See `feasibility`; of the trials in `bad`."""
        if not bad:
            return None
        ended = (*history.completed, *bad)
        good = np.arange(len(ended)) < len(history.completed)
        kept = spread_sample(-good.astype(float), _SEEN)
        share = (good.sum() + 1.0) / (len(ended) + 2.0)
        trials = [ended[i] for i in kept]
        covariances, x = self._covariances(history), self._rows(trials)
        kernel = covariances.kernel.scaled(share * (1 - share))
        known = covariances([trial.number for trial in trials], x)
        known *= kernel.variance / covariances.kernel.variance
        process = GaussianProcess(kernel, x, good[kept] - share, covariance=known)
        return lambda vectors: np.clip(share + process.mean(vectors), 0.01, 1.0)


class VectorCache:
    """The vectors of trials, each made once.

    Args:
        features: Makes them.
    """

    def __init__(self, features: Features) -> None:
        self._features = features
        self._architectures: list[Any] = []
        self._vectors = np.zeros((0, features.width))

    def __call__(self, trials: Sequence[Trial]) -> Matrix:
        """The vectors of `trials`, one a row."""
        numbers = [trial.number for trial in trials]
        self._make_room(max(numbers, default=-1) + 1)
        known = self._architectures
        new = [trial for trial in trials if known[trial.number] is not trial.architecture]
        if new:
            self._vectors[[t.number for t in new]] = self._features([t.architecture for t in new])
            for trial in new:
                known[trial.number] = trial.architecture
        vectors: Matrix = self._vectors[numbers]
        return vectors

    def _make_room(self, size: int) -> None:
        more = size - len(self._architectures)
        if more > 0:
            more = max(more, len(self._architectures))
            self._architectures += [None] * more
            self._vectors = np.vstack([self._vectors, np.zeros((more, self._features.width))])


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


def spread_sample(values: Sequence[float] | Vector, limit: int) -> NDArray[np.int64]:
    """Which of many observations to fit on: the best half of `limit`, and others evenly spread."""
    if len(values) <= limit:
        return np.arange(len(values))
    order = np.argsort(-np.array(values), kind="stable")
    best, rest = order[: limit // 2], np.sort(order[limit // 2 :])
    spread = rest[np.linspace(0, len(rest) - 1, limit - limit // 2).astype(int)]
    return np.sort(np.concatenate([best, spread]))


def kept_of(values: Vector, limit: int) -> NDArray[np.int64]:
    """Which of many observations to go by: the best half of `limit`, the latest, and some others.

    Those are spread evenly by multiples of the golden ratio, whose smallest fractions change by
    few as observations are added, so that most of what was computed of them can be used again.
    """
    count = len(values)
    if count <= limit:
        return np.arange(count)
    kept = np.zeros(count, dtype=bool)
    kept[_largest(np.asarray(values, dtype=np.float64), limit // 2)] = True
    kept[-(limit // _LATEST) :] = True
    others = np.flatnonzero(~kept)
    fractions = (others * _GOLDEN % 1.0).astype(np.float64)
    kept[others[_largest(-fractions, limit - int(kept.sum()))]] = True
    return np.flatnonzero(kept)


def _largest(values: Vector, count: int) -> NDArray[np.int64]:
    """Positions of the `count` largest values, in no order; of equal ones the first."""
    least = np.partition(values, len(values) - count)[len(values) - count]
    above = np.flatnonzero(values > least)
    return np.concatenate([above, np.flatnonzero(values == least)[: count - len(above)]])


def scheduled(count: int) -> int:
    """The largest number of a series that grows by a tenth, at least by one, up to `count`."""
    number = FEWEST
    while (following := max(number + 1, number * 11 // 10)) <= count:
        number = following
    return number
