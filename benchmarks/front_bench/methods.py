"""What is compared: raynas's controllers and peers that search for a front."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pyglove as pg
from controller_bench.flat import FlatSpace
from controller_bench.method import Method, Raynas
from controller_bench.protocol import Protocol
from controller_bench.served import Served

from front_bench.problems import FrontProblem
from raynas import History, Trial
from raynas.bridges.optuna import suggest, to_optuna
from raynas.bridges.pyglove import from_dna, to_pyglove
from raynas.controllers import make_controller
from raynas.controllers.by_name import within_bounds
from raynas.rewards import AtMost

__all__ = ["FrontMethod", "make_method"]

FrontMethod = Method

_OPTUNA = {
    "tpe": optuna.samplers.TPESampler,
    "nsga2": optuna.samplers.NSGAIISampler,
    "nsga3": optuna.samplers.NSGAIIISampler,
    "gp": optuna.samplers.GPSampler,
}
_FLAT = ("nsga2", "nsga3", "gp")
_POPULATION = 30


class _Optuna(Method):
    """Optuna's samplers with their own defaults and, where there is a bound, its constraints."""

    def __init__(self, name: str, problem: FrontProblem, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        constrained = {"constraints_func": _constraints} if problem.excess else {}
        self.study = optuna.create_study(
            sampler=_OPTUNA[name](seed=seed, **constrained),
            directions=["maximize"] * problem.objectives,
        )
        self.problem = problem
        self.flat = FlatSpace(problem.space) if name in _FLAT else None
        self.asked: list[optuna.Trial] = []

    def propose(self, history: History, rng: np.random.Generator) -> Any:
        """See `Method.propose`."""
        del history, rng
        space = self.problem.space
        if self.flat is None:
            self.asked.append(self.study.ask())
            return suggest(space, self.asked[-1])
        self.asked.append(self.study.ask(to_optuna(space)))
        values = self.asked[-1].params
        names = {p.name: p.values for p in self.flat.parameters}
        return self.flat.architecture({n: o.index(values[n]) for n, o in names.items()})

    def told(self, trial: Trial) -> None:
        """See `Method.told`; what is outside a bound has its true values, as Optuna asks."""
        asked = self.asked[trial.number]
        if self.problem.excess:
            asked.set_user_attr("excess", self.problem.excess(trial.architecture))
        values = trial.objectives or self.problem.true(trial.architecture)
        self.study.tell(asked, list(values))


def _nothing(architecture: Any, names: Collection[str]) -> dict[str, float]:
    """What is known of an architecture before it is tried."""
    del architecture, names
    return {}


def _constraints(trial: optuna.trial.FrozenTrial) -> tuple[float]:
    return (trial.user_attrs["excess"],)


class _PyGlove(Method):
    """PyGlove's NSGA-II; it has no bounds, and is told the worst values of what is outside."""

    def __init__(self, problem: FrontProblem, seed: int) -> None:
        self.problem = problem
        self.algorithm = pg.evolution.nsga2(
            mutator=pg.evolution.mutators.Uniform(seed=seed), population_size=_POPULATION, seed=seed
        )
        self.algorithm.setup(pg.dna_spec(to_pyglove(problem.space)))
        self.asked: list[Any] = []

    def propose(self, history: History, rng: np.random.Generator) -> Any:
        """See `Method.propose`."""
        del history, rng
        self.asked.append(self.algorithm.propose())
        return from_dna(self.problem.space, self.asked[-1])

    def told(self, trial: Trial) -> None:
        """See `Method.told`."""
        values = trial.objectives or (0.0,) * self.problem.objectives
        self.algorithm.feedback(self.asked[trial.number], tuple(values))


class _Served(Served):
    """A peer in an environment of its own, told all objectives."""

    worst: tuple[float, ...] = ()

    def told(self, trial: Trial) -> None:
        """See `Method.told`."""
        self._say(tell=trial.number, reward=trial.objectives or self.worst)


def make_method(
    name: str,
    problem: FrontProblem,
    seed: int,
    trials: int,
    protocol: Protocol,
    environments: Path,
) -> Method:
    """The method called `name`: ``raynas:NAME``, ``optuna:NAME``, ``pyglove:nsga2``, and so on."""
    family, _, rest = name.partition("@")[0].partition(":")
    match family:
        case "raynas" if problem.excess:
            bounded = within_bounds(rest, [AtMost("cost", 1.0)], _nothing)
            return Raynas(make_controller(bounded, problem.space))
        case "raynas":
            return Raynas(make_controller(rest, problem.space))
        case "optuna":
            return _Optuna(rest, problem, seed)
        case "pyglove":
            return _PyGlove(problem, seed)
        case "botorch" | "synetune" if not problem.excess:
            run = seed, trials, protocol, environments, problem.objectives
            served = _Served(family, rest, problem.space, *run)
            served.worst = (0.0,) * problem.objectives
            return served
    raise SystemExit(f"--methods {name}: no such method, or it knows no bounds")
