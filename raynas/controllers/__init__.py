"""From the history to the next architecture: one file an algorithm, wrappers that compose."""

from raynas.controllers.auto import Auto
from raynas.controllers.base import Controller
from raynas.controllers.by_name import make_controller
from raynas.controllers.deduplicated import Deduplicated
from raynas.controllers.evolution import RegularisedEvolution
from raynas.controllers.grid import Grid
from raynas.controllers.local_search import LocalSearch
from raynas.controllers.nsga2 import NSGA2
from raynas.controllers.random import Random
from raynas.controllers.surrogate import Surrogate
from raynas.controllers.surrogate_pareto import SurrogatePareto

__all__ = [
    "NSGA2",
    "Auto",
    "Controller",
    "Deduplicated",
    "Grid",
    "LocalSearch",
    "Random",
    "RegularisedEvolution",
    "Surrogate",
    "SurrogatePareto",
    "make_controller",
]
