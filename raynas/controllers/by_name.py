"""Controllers by the names that users type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeAlias

from raynas.arguments import called, shown
from raynas.controllers.base import Controller
from raynas.controllers.deduplicated import Deduplicated
from raynas.controllers.evolution import RegularizedEvolution
from raynas.controllers.grid_search import Grid
from raynas.controllers.local_search import LocalSearch
from raynas.controllers.multi_budget import MultiBudget
from raynas.controllers.nsga2 import NSGA2
from raynas.controllers.random_search import Random
from raynas.errors import ConfigurationError
from raynas.space import Space

__all__ = ["ControllerLike", "make_controller", "make_multi_budget"]

ControllerLike: TypeAlias = str | Callable[[Space[Any]], Controller]
"""A name of `BY_NAME`, or anything that makes a controller for a space, such as its class."""


def _on_use(module: str, name: str) -> Callable[[Space[Any]], Controller]:
    """Makes a controller of a module that is imported when one is asked for."""

    def make(space: Space[Any]) -> Controller:
        cls = getattr(import_module(f"raynas.controllers.{module}"), name)
        return Deduplicated(cls(space))

    return make


def _optuna(sampler: str) -> Callable[[Space[Any]], Controller]:
    def make(space: Space[Any]) -> Controller:
        optuna = import_module("raynas.controllers.optuna")
        return Deduplicated(optuna.OptunaSampler(space, getattr(optuna, sampler)))

    return make


BY_NAME: dict[str, Callable[[Space[Any]], Controller]] = {
    "auto": _on_use("auto", "Auto"),
    "evolution": lambda space: Deduplicated(RegularizedEvolution(space)),
    "grid": Grid,
    "local-search": lambda space: Deduplicated(LocalSearch(space)),
    "nsga2": lambda space: Deduplicated(NSGA2(space)),
    "nsga3": _optuna("nsga3"),
    "optuna-gp": _optuna("gp"),
    "ppo": _on_use("ppo", "PPO"),
    "random": lambda space: Deduplicated(Random(space)),
    "surrogate": _on_use("surrogate", "Surrogate"),
    "surrogate-pareto": _on_use("surrogate_pareto", "SurrogatePareto"),
    "tpe": _optuna("tpe"),
}


def make_controller(controller: ControllerLike, space: Space[Any]) -> Controller:
    """The controller meant by `controller`, for `space`.

    Raises:
        ConfigurationError: There is no such name, or what was made is not a `Controller`.
    """
    if isinstance(controller, str):
        if controller not in BY_NAME:
            raise ConfigurationError(
                f"controller={controller!r} is unknown: use one of {', '.join(BY_NAME)}, "
                "or a function from a Space to a Controller"
            )
        return BY_NAME[controller](space)
    made = called("controller", controller, space) if callable(controller) else controller
    if not isinstance(made, Controller):
        raise ConfigurationError(
            f"controller={shown(controller)} makes {shown(made)}: it must make a raynas Controller"
        )
    if made.space.root is not space.root:
        raise ConfigurationError(
            f"controller={controller!r} searches {made.space!r}, not {space!r}: "
            "make it for the space that it is given"
        )
    return made


def make_multi_budget(
    controller: ControllerLike, space: Space[Any], budgets: Sequence[float], trainings: float
) -> MultiBudget:
    """The controller meant by `controller`, for a search over several budgets.

    Raises:
        ConfigurationError: It cannot choose budgets.
    """
    if controller != "auto":
        raise ConfigurationError(
            f"controller={shown(controller)}: it cannot choose among several budgets; use 'auto', "
            "or omit budgets"
        )
    return MultiBudget(space, budgets, trainings)
