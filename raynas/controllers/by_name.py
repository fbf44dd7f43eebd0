"""Controllers by the names that users type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from raynas.controllers.auto import Auto
from raynas.controllers.base import Controller
from raynas.controllers.deduplicated import Deduplicated
from raynas.controllers.evolution import RegularisedEvolution
from raynas.controllers.grid import Grid
from raynas.controllers.local_search import LocalSearch
from raynas.controllers.nsga2 import NSGA2
from raynas.controllers.random import Random
from raynas.controllers.surrogate import Surrogate
from raynas.controllers.surrogate_pareto import SurrogatePareto
from raynas.errors import ConfigurationError
from raynas.space import Space

__all__ = ["ControllerLike", "make_controller"]

ControllerLike: TypeAlias = str | Callable[[Space[Any]], Controller]
"""A name of `BY_NAME`, or anything that makes a controller for a space, such as its class."""


def _ppo(space: Space[Any]) -> Controller:
    from raynas.controllers.ppo import PPO

    return Deduplicated(PPO(space))


def _optuna(sampler: str) -> Callable[[Space[Any]], Controller]:
    def make(space: Space[Any]) -> Controller:
        from raynas.controllers import optuna

        return Deduplicated(optuna.OptunaSampler(space, getattr(optuna, sampler)))

    return make


BY_NAME: dict[str, Callable[[Space[Any]], Controller]] = {
    "auto": lambda space: Deduplicated(Auto(space)),
    "evolution": lambda space: Deduplicated(RegularisedEvolution(space)),
    "grid": Grid,
    "local-search": lambda space: Deduplicated(LocalSearch(space)),
    "nsga2": lambda space: Deduplicated(NSGA2(space)),
    "nsga3": _optuna("nsga3"),
    "optuna-gp": _optuna("gp"),
    "ppo": _ppo,
    "random": lambda space: Deduplicated(Random(space)),
    "surrogate": lambda space: Deduplicated(Surrogate(space)),
    "surrogate-pareto": lambda space: Deduplicated(SurrogatePareto(space)),
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
    made = controller(space) if callable(controller) else controller
    if not isinstance(made, Controller):
        raise ConfigurationError(
            f"controller={controller!r} makes {made!r}: it must make a raynas Controller"
        )
    if made.space.root is not space.root:
        raise ConfigurationError(
            f"controller={controller!r} searches {made.space!r}, not {space!r}: "
            "make it for the space that it is given"
        )
    return made
