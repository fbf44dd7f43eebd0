"""From the history to the next architecture: one file an algorithm, wrappers that compose.

Importing this is cheap: controllers that need SciPy, torch or Optuna are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from raynas.controllers.base import Controller
from raynas.controllers.by_name import make_controller
from raynas.controllers.cheap_constraints import CheapConstraints
from raynas.controllers.deduplicated import Deduplicated
from raynas.controllers.evolution import RegularizedEvolution
from raynas.controllers.grid_search import Grid
from raynas.controllers.local_search import LocalSearch
from raynas.controllers.nsga2 import NSGA2
from raynas.controllers.random_search import Random
from raynas.controllers.warm_start import WarmStart
from raynas.controllers.zero_cost_start import best_scored
from raynas.renamed import lookup

if TYPE_CHECKING:
    from raynas.controllers.auto import Auto
    from raynas.controllers.optuna import OptunaSampler
    from raynas.controllers.ppo import PPO
    from raynas.controllers.surrogate import Surrogate
    from raynas.controllers.surrogate_pareto import SurrogatePareto

_HOME_OF = {
    "Auto": "auto",
    "OptunaSampler": "optuna",
    "PPO": "ppo",
    "Surrogate": "surrogate",
    "SurrogatePareto": "surrogate_pareto",
}

__all__ = [
    "NSGA2",
    "PPO",
    "Auto",
    "CheapConstraints",
    "Controller",
    "Deduplicated",
    "Grid",
    "LocalSearch",
    "OptunaSampler",
    "Random",
    "RegularizedEvolution",
    "Surrogate",
    "SurrogatePareto",
    "WarmStart",
    "best_scored",
    "make_controller",
]


def _load(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


if not TYPE_CHECKING:
    __getattr__ = lookup(__name__, _load)
