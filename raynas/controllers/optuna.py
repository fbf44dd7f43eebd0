"""Optuna's samplers as controllers.

TPE: Bergstra, Bardenet, Bengio and Kegl 2011, "Algorithms for Hyper-Parameter Optimization",
section 4; Optuna's variant in Watanabe 2023, "Tree-Structured Parzen Estimator". NSGA-III: Deb and
Jain 2014, "An Evolutionary Many-Objective Optimization Algorithm Using Reference-Point-Based
Nondominated Sorting Approach, Part I". Gaussian process: Optuna's `GPSampler`.

The history is replayed into a study in memory, running trials too, in ask order, and a fresh
sampler with a seed of the proposal's own asks: so a resumed search proposes what the
uninterrupted one would have. Samplers that keep a state of their own beside the trials cannot be
replayed so. Of these, NSGA-III is given generations by ask order; CMA-ES is not offered: it has no
word for choices among labels, and its state depends on what had ended when a trial was asked for.

Infeasible, failed and stopped trials are Optuna's pruned ones, which TPE avoids; those that a stop
rule cut off without a measurement are left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import optuna
from optuna.samplers import BaseGASampler, BaseSampler, GPSampler, NSGAIIISampler, TPESampler
from optuna.search_space import IntersectionSearchSpace
from optuna.storages import InMemoryStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from raynas.arguments import called, checked, shown
from raynas.bridges.optuna import quiet_optuna, suggest, to_optuna, to_params
from raynas.controllers.base import Controller
from raynas.controllers.history_increment import news
from raynas.errors import ConfigurationError
from raynas.power_scaling import UnitScale
from raynas.space import Space
from raynas.trials import Architecture, Completed, History, Stopped, Trial

__all__ = ["OptunaSampler", "gp", "nsga3", "tpe"]

MakeSampler: TypeAlias = Callable[[int], BaseSampler]
"""From a seed to a fresh sampler."""

_ATTEMPTS = 100  # chosen by hand: a sampler that repeats as often has nothing new
_EXPONENT_OF_SQUARES = 400  # doubles reach 2**1023: samplers square rewards, and add them up
_NUMBER = "raynas:number"
"""Attribute of a trial, and of a study the one that is being asked for."""


@contextmanager
def _experiments_allowed() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def tpe(seed: int) -> BaseSampler:
    """Tree-structured Parzen estimators, as Optuna sets them."""
    return TPESampler(seed=seed)


def gp(seed: int, startup: int = 10) -> BaseSampler:
    """A Gaussian process, after `startup` random trials; about a second a proposal."""
    with _experiments_allowed():
        return GPSampler(seed=seed, n_startup_trials=startup)


def nsga3(seed: int, population: int = 50) -> BaseGASampler:
    """NSGA-III, for three objectives and more, in generations of `population` by ask order."""
    with _experiments_allowed():
        return _NSGA3(seed=seed, population_size=population)


@checked
class OptunaSampler(Controller):
    """Proposes what a sampler of Optuna suggests, define-by-run for conditional spaces.

    Args:
        space: Space of the proposals.
        make: Makes the sampler from a seed, such as
            ``lambda seed: TPESampler(seed=seed, n_startup_trials=20)``, or `tpe`, `gp`, `nsga2`
            and `nsga3` of this module. The sampler must follow from the study and the seed.

    Raises:
        ConfigurationError: `make` makes no sampler.
    """

    def __init__(self, space: Space[Any], make: MakeSampler) -> None:
        super().__init__(space)
        if not isinstance(made := called("make", make, 0), BaseSampler):
            raise ConfigurationError(
                f"make={shown(make)} makes {shown(made)}: it must make an Optuna sampler"
            )
        self.make = make
        self._distributions = to_optuna(space)
        self._common: IntersectionSearchSpace | None = None
        self._begin(_scales(History()))

    def propose(self, history: History, rng: np.random.Generator) -> Architecture | None:
        """See `Controller.propose`."""
        self._follow(history)
        self._study.set_user_attr(_NUMBER, len(history))
        for _ in range(_ATTEMPTS):
            self._study.sampler = self._sampler(int(rng.integers(2**31)))
            trial = self._study.ask()
            try:
                return suggest(self.space, trial)
            except optuna.TrialPruned:
                continue
            finally:
                # What was asked comes back with the history, in the form that replays have too.
                self._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        return self.space.sample(rng)

    def _sampler(self, seed: int) -> BaseSampler:
        """A fresh sampler that knows already which parameters the trials have in common.

        To find that out again takes most of a proposal's time in a long history.
        """
        sampler: Any = self.make(seed)
        if isinstance(getattr(sampler, "_search_space", None), IntersectionSearchSpace):
            self._common = self._common or sampler._search_space
            sampler._search_space = self._common
        made: BaseSampler = sampler
        return made

    def _begin(self, scales: tuple[UnitScale, ...]) -> None:
        self._seen: Sequence[Trial] = ()
        self._ids: dict[int, int] = {}
        self._common = None
        self._scales = scales
        self._storage = InMemoryStorage()
        with quiet_optuna():
            self._study = optuna.create_study(
                storage=self._storage, directions=["maximize"] * len(scales)
            )

    def _follow(self, history: History) -> None:
        """Bring the study to the state of `history`."""
        changed = news(self._seen, history.trials)
        scales = _scales(history)
        if changed is None or scales != self._scales:
            self._begin(scales)
            changed = list(history)
        self._seen = history.trials
        for trial in changed:
            if trial.number not in self._ids:
                self._ids[trial.number] = self._add(trial)
            elif (ended := self._state(trial)) is not None:
                state, values = ended
                self._storage.set_trial_state_values(self._ids[trial.number], state, values)

    def _add(self, trial: Trial) -> int:
        params = to_params(self.space, trial.architecture)
        state, values = self._state(trial) or (TrialState.RUNNING, None)
        frozen = create_trial(
            state=state,
            values=values,
            params=params,
            distributions={name: self._distributions[name] for name in params},
            user_attrs={_NUMBER: trial.number},
        )
        return self._storage.create_new_trial(self._study._study_id, template_trial=frozen)

    def _state(self, trial: Trial) -> tuple[TrialState, list[float] | None] | None:
        """What Optuna calls the outcome; None while the trial runs."""
        match trial.outcome:
            case None:
                return None
            case Completed(objectives=objectives):
                pairs = zip(self._scales, objectives, strict=True)
                return TrialState.COMPLETE, [float(scale(value)) for scale, value in pairs]
            case Stopped(measurement=None):
                return TrialState.FAIL, None
            case _:
                return TrialState.PRUNED, None


def _scales(history: History) -> tuple[UnitScale, ...]:
    """One for each objective; it leaves alone what can be squared without overflow.

    Samplers square values.
    """
    if not history.completed:
        return (UnitScale(0),)
    objectives = np.array([trial.objectives for trial in history.completed], dtype=float)
    scales = map(UnitScale.of, objectives.T)
    return tuple(s if abs(s.exponent) > _EXPONENT_OF_SQUARES else UnitScale(0) for s in scales)


class _NSGA3(NSGAIIISampler):
    """Generations by ask order, and parents that follow from the trials alone.

    Optuna's own say in which generation a trial was asked, and who its parents were, depending on
    what had ended by then, which no replay knows. They draw on the sampler's seed too.
    """

    def get_trial_generation(self, study: Study, trial: FrozenTrial) -> int:
        """The block of the trial that is asked for, or an earlier one if that has no parents."""
        del trial
        block = int(study.user_attrs[_NUMBER]) // self._size
        while block and len(self.get_parent_population(study, block)) < 2:
            block -= 1
        return block

    def get_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        """The completed trials of a block."""
        completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return [t for t in completed if t.user_attrs[_NUMBER] // self._size == generation]

    def get_parent_population(self, study: Study, generation: int) -> list[FrozenTrial]:
        """The survivors of all blocks before `generation`."""
        if generation == 0:
            return []
        kept = _PARENTS.setdefault(study, {})
        completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        before = sum(t.user_attrs[_NUMBER] < generation * self._size for t in completed)
        if kept.get(generation, (None,))[0] != before:
            selector = nsga3(generation, self._size)
            chosen = selector.select_parent(study, generation) if before else []
            kept[generation] = before, chosen
        return kept[generation][1]

    @property
    def _size(self) -> int:
        assert self.population_size is not None  # noqa: S101 - NSGA-III always has one
        return self.population_size


_PARENTS: WeakKeyDictionary[Study, dict[int, tuple[int, list[FrozenTrial]]]] = WeakKeyDictionary()
"""By study and generation: how many trials had completed before, and the parents among them."""
