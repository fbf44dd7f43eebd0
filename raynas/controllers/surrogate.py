"""Search guided by a surrogate: a Gaussian process over decisions and their totals.

Jones, Schonlau and Welch 1998, "Efficient Global Optimization of Expensive Black-Box Functions",
section 4.1, for the loop and for expected improvement; Ginsbourger, Le Riche and Carraro 2010,
"Kriging Is Well-Suited to Parallelize Optimization", section 4.2.1, for trials that still run: they
count as if their reward were what the model expects. White, Neiswanger and Savani 2021, "BANANAS",
section 3, for looking for the next architecture among mutants of the best.

Where trials fail or are infeasible, expected improvement is weighed with the chance that an
architecture is neither, as Gardner et al. 2014, "Bayesian Optimization with Inequality
Constraints", equation 5.

Everything is a function of the history and the generator. Hyperparameters are fitted on the first
n completed trials, where n grows by steps of a tenth, so that most proposals fit nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from raynas.controllers.acquisition import log_expected_improvement, standing
from raynas.controllers.base import Controller
from raynas.controllers.features import Features
from raynas.controllers.gaussian_process import GaussianProcess, Kernel, Prior, fit_kernel
from raynas.controllers.observations import Observation, observations
from raynas.errors import ConfigurationError
from raynas.space import Space
from raynas.trials import Architecture, History, Stopped, Trial

__all__ = ["Surrogate"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Promise: TypeAlias = Callable[[Matrix], Vector]

_FEWEST = 4
_POOL, _POOL_LASTS = 500, 100
_PARENTS, _MUTANTS = 10, 96
_ROUNDS, _CHILDREN = 2, 40
_FITTED_ON, _PREDICTED_FROM = 300, 500
_EXPONENT_OF_DECISIONS, _EXPONENT_OF_TOTALS = 1.6, 0.3


class Surrogate(Controller):
    """Proposes the architecture of highest expected improvement that it finds.

    Args:
        space: Where the proposals come from.
        initial: How many architectures are random, before a model is asked.

    Raises:
        ConfigurationError: `initial` is below 1.
    """

    def __init__(self, space: Space[Any], initial: int = 10) -> None:
        super().__init__(space)
        if initial < 1:
            raise ConfigurationError(f"initial={initial}: must be at least 1")
        self.initial = initial
        self._features = Features(space)
        self._rows = _Rows(self._features)
        self._pool: tuple[int, list[Any], Matrix] | None = None
        self._neighbourhoods: dict[int, tuple[Any, list[Any], Matrix]] = {}
        self._prior: Prior | None = None
        self._fitted: tuple[object, Kernel] | None = None

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        if self.space.size == 1:
            return self.space.sample(rng)
        if len(history) < self.initial or len(history.completed) < _FEWEST:
            return self.space.sample(rng)
        return self._maximum(history, self._promise(history), rng)

    def _promise(self, history: History) -> Promise:
        """From vectors to the logarithm of the expected improvement."""
        x, y, extra = self._observed(history)
        kernel = self._kernel(history)
        process = GaussianProcess(kernel, x, y, extra)
        best = float(process.mean(x).max())
        if history.running:
            running = self._rows(history.running)
            y = np.concatenate([y, process.mean(running)])
            extra = np.concatenate([extra, np.zeros(len(running))])
            process = GaussianProcess(kernel, np.vstack([x, running]), y, extra)
        feasible = self._feasibility(history, kernel)

        def promise(vectors: Matrix) -> Vector:
            logs = log_expected_improvement(*process.predict(vectors), best)
            return logs if feasible is None else logs + np.log(feasible(vectors))

        return promise

    def recommend(self, history: History) -> Trial | None:
        """The completed trial of which the model expects most: not merely the luckiest one."""
        if len(history.completed) < _FEWEST or self.space.size == 1:
            return super().recommend(history)
        x, y, extra = self._observed(history)
        kept = _kept(history.rewards, _PREDICTED_FROM)
        expected = GaussianProcess(self._kernel(history), x, y, extra).mean(x[: len(kept)])
        trial: Trial = history.completed[kept[int(np.argmax(expected))]]
        return trial

    def _observed(self, history: History) -> tuple[Matrix, Vector, Vector]:
        """What the model sees: vectors, where their rewards stand, and extra noise of each.

        Completed trials come first; then those that a scheduler stopped, as their learning curves
        place them, never above the middle.
        """
        kept = _kept(history.rewards, _PREDICTED_FROM)
        trials = [history.completed[i] for i in kept]
        y = standing(np.array(history.rewards))[kept]
        stopped = _stopped(history)[-_PREDICTED_FROM // 2 :]
        x = self._rows(trials + [history[o.number] for o in stopped])
        scores = [min(o.score, 0.0) for o in stopped]
        extra = [0.0] * len(trials) + [o.noise for o in stopped]
        return x, np.concatenate([y, scores]), np.array(extra)

    def _kernel(self, history: History) -> Kernel:
        """Fitted to the first completed trials, as many as the schedule has it."""
        count = _scheduled(len(history.completed))
        key = [(trial.number, trial.reward) for trial in history.completed[:count]]
        if self._fitted is None or self._fitted[0] != key:
            rewards = history.rewards[:count]
            kept = _kept(rewards, _FITTED_ON)
            y = standing(np.array(rewards))[kept]
            x = self._rows([history.completed[i] for i in kept])
            self._fitted = key, fit_kernel(self._get_prior(), x, y)
        return self._fitted[1]

    def _feasibility(self, history: History, kernel: Kernel) -> Any:
        """From vectors to the chance of a reward; None while nothing went wrong.

        A Gaussian process on 1 for a reward and 0 for none, with the kernel of the rewards.
        """
        if not history.unrewarded:
            return None
        ended = (*history.completed, *history.unrewarded)
        good = np.arange(len(ended)) < len(history.completed)
        kept = _kept(tuple(-good.astype(float)), _PREDICTED_FROM)
        share = (good.sum() + 1.0) / (len(ended) + 2.0)
        x = self._rows([ended[i] for i in kept])
        process = GaussianProcess(kernel.scaled(share * (1 - share)), x, good[kept] - share)
        return lambda vectors: np.clip(share + process.mean(vectors), 0.01, 1.0)

    def _maximum(self, history: History, promise: Promise, rng: np.random.Generator) -> Any:
        """The untried architecture of highest promise: of random ones, mutants, and theirs."""
        found = [self._pool_at(len(history))]
        found += [self._around(trial) for trial in history.best(_PARENTS)]
        promises = [promise(np.vstack([vectors for _, vectors in found]))]
        architectures = [a for some, _ in found for a in some]
        for _ in range(_ROUNDS):
            parents = _best(architectures, np.concatenate(promises), history, _CHILDREN)
            children = [self.space.mutate(parent, rng) for parent in parents]
            if not children:
                return self.space.sample(rng)
            architectures += children
            promises.append(promise(self._features(children)))
        return _best(architectures, np.concatenate(promises), history, 1)[0]

    def _around(self, trial: Trial) -> tuple[list[Any], Matrix]:
        """Mutants of a trial's architecture, always the same ones: half by a single change."""
        known = self._neighbourhoods.get(trial.number)
        if known is None or known[0] is not trial.architecture:
            rng = np.random.default_rng(trial.number)
            mutants = []
            for index in range(_MUTANTS):
                mutant = self.space.mutate(trial.architecture, rng)
                for _ in range(int(rng.geometric(0.5)) if index % 2 else 0):
                    mutant = self.space.mutate(mutant, rng)
                mutants.append(mutant)
            known = trial.architecture, mutants, self._features(mutants)
            self._neighbourhoods[trial.number] = known
        return known[1:]

    def _pool_at(self, number: int) -> tuple[list[Any], Matrix]:
        """Random architectures, others after every some proposals."""
        age = number // _POOL_LASTS
        if self._pool is None or self._pool[0] != age:
            rng = np.random.default_rng(age)
            pool = [self.space.sample(rng) for _ in range(_POOL)]
            self._pool = age, pool, self._features(pool)
        return self._pool[1:]

    def _get_prior(self) -> Prior:
        if self._prior is None:
            _, sample = self._pool_at(0)
            terms = [(self._features.decisions, _EXPONENT_OF_DECISIONS)]
            if self._features.totals:
                terms.append((self._features.totals, _EXPONENT_OF_TOTALS))
            self._prior = Prior.of(sample, terms)
        return self._prior


class _Rows:
    """The vectors of trials, each made once."""

    def __init__(self, features: Features) -> None:
        self._features = features
        self._architectures: list[Any] = []
        self._vectors = np.zeros((0, features.width))

    def __call__(self, trials: Sequence[Trial]) -> Matrix:
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


def _best(architectures: list[Any], promises: Vector, history: History, count: int) -> list[Any]:
    """The `count` untried architectures of highest promise, best first."""
    found: dict[Any, None] = {}
    for index in np.argsort(-promises, kind="stable"):
        if architectures[index] not in history.architectures:
            found[architectures[index]] = None
        if len(found) == count:
            break
    return list(found)


def _stopped(history: History) -> list[Observation]:
    """What is known of trials that ended early."""
    if not any(isinstance(trial.outcome, Stopped) for trial in history.ended):
        return []
    return [o for o in observations(history) if o.steps is not None]


def _kept(rewards: Sequence[float], limit: int) -> NDArray[np.int64]:
    """Which of many observations to go by: the best half of `limit`, and others evenly spread."""
    if len(rewards) <= limit:
        return np.arange(len(rewards))
    order = np.argsort(-np.array(rewards), kind="stable")
    best, rest = order[: limit // 2], np.sort(order[limit // 2 :])
    spread = rest[np.linspace(0, len(rest) - 1, limit - limit // 2).astype(int)]
    return np.sort(np.concatenate([best, spread]))


def _scheduled(count: int) -> int:
    """The largest number of a series that grows by a tenth, at least by one, up to `count`."""
    number = _FEWEST
    while (following := max(number + 1, number * 11 // 10)) <= count:
        number = following
    return number
