"""Controllers by the names that users type."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from raynas import controllers
from raynas.arguments import called, shown
from raynas.controllers.base import Controller
from raynas.controllers.cost_limit import NO_LIMIT, CostLimit
from raynas.controllers.deduplicated import Deduplicated
from raynas.controllers.earlier_search import EarlierSearch
from raynas.controllers.feasible import FeasibleSpace, Foreknown
from raynas.controllers.within_bounds import WithinBounds
from raynas.errors import ConfigurationError
from raynas.rewards import Bound
from raynas.space import Space

if TYPE_CHECKING:
    from raynas.controllers.multi_budget import MultiBudget

__all__ = ["ControllerLike", "make_controller", "make_multi_budget", "within_bounds"]

ControllerLike: TypeAlias = str | Callable[[Space[Any]], Controller]
"""A name of `BY_NAME`, or anything that makes a controller for a space, such as its class."""


_TYPED = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WRAPPERS = {"CheapConstraints", "Controller", "Deduplicated", "OptunaSampler", "WarmStart"}
_SHORT = {"RegularizedEvolution": "evolution"}
_UNGUIDED = ("grid", "random")


def _by_class(name: str) -> Callable[[Space[Any]], Controller]:
    """Makes a controller of `raynas.controllers`, imported when one is asked for."""

    def make(space: Space[Any]) -> Controller:
        made: Controller = getattr(controllers, name)(space)
        return made if name == "Grid" else Deduplicated(made)  # a grid repeats nothing

    return make


def _optuna(sampler: str) -> Callable[[Space[Any]], Controller]:
    def make(space: Space[Any]) -> Controller:
        optuna = import_module("raynas.controllers.optuna")
        return Deduplicated(optuna.OptunaSampler(space, getattr(optuna, sampler)))

    return make


_classes = {
    _SHORT.get(name, _TYPED.sub("-", name).lower()): _by_class(name)
    for name in dir(controllers)
    if name[0].isupper() and name not in _WRAPPERS
}
_SAMPLERS = {"nsga3": "nsga3", "optuna-gp": "gp", "tpe": "tpe"}
BY_NAME: dict[str, Callable[[Space[Any]], Controller]] = dict(
    sorted([*_classes.items(), *((name, _optuna(key)) for name, key in _SAMPLERS.items())])
)
"""Each public controller by its class's name with hyphens, and samplers of Optuna."""


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


def within_bounds(
    controller: ControllerLike, bounds: Sequence[Bound], foreknown: Foreknown
) -> ControllerLike:
    """`controller` within `bounds`; see `WithinBounds`.

    Args:
        controller: A name, or what makes a controller from a space.
        bounds: Bounds on metrics, one or more.
        foreknown: Gives the metrics that are free to know.
    """

    def make(space: Space[Any]) -> Controller:
        within = FeasibleSpace(space, bounds, foreknown)
        seeks = controller not in _UNGUIDED
        return WithinBounds(within, partial(make_controller, controller), seeks)

    return make


def make_multi_budget(
    controller: ControllerLike,
    space: Space[Any],
    budgets: Sequence[float],
    limit: CostLimit = NO_LIMIT,
    earlier: Sequence[EarlierSearch] = (),
) -> MultiBudget:
    """The controller meant by `controller`, for a search over budgets or one that learns.

    Args:
        controller: What the user gave: ``"auto"``, or what makes an `Auto`, whose scores count,
            or one within bounds.
        space: What is searched.
        budgets: Shares of a full training, rising to 1.
        limit: What the search may spend.
        earlier: Searches that it learns from.

    Raises:
        ConfigurationError: It can do neither, or see `MultiBudget`.
    """
    from raynas.controllers.multi_budget import MultiBudget  # loads SciPy, which few commands need

    if controller == "auto":
        return MultiBudget(space, budgets, limit, earlier=earlier)
    made = None if isinstance(controller, str) else make_controller(controller, space)
    while isinstance(made, Deduplicated | WithinBounds):
        made = made.controller
    if type(made) is not controllers.Auto:  # another class would propose in its own way
        wanted = "choose among several budgets" if len(budgets) > 1 else "learn from other searches"
        raise ConfigurationError(
            f"controller={shown(controller)}: it cannot {wanted}; use 'auto' or an Auto, or omit "
            f"{'budgets' if len(budgets) > 1 else 'learn_from'}"
        )
    return MultiBudget(made.space, budgets, limit, earlier=earlier, scores=made.scores)
