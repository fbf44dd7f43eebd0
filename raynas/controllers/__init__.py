"""From the history to the next architecture: one file an algorithm, wrappers that compose."""

from raynas.controllers.auto import Auto
from raynas.controllers.base import Controller
from raynas.controllers.by_name import make_controller
from raynas.controllers.cheap_constraints import CheapConstraints
from raynas.controllers.deduplicated import Deduplicated
from raynas.controllers.evolution import RegularisedEvolution
from raynas.controllers.grid import Grid
from raynas.controllers.local_search import LocalSearch
from raynas.controllers.nsga2 import NSGA2
from raynas.controllers.random import Random
from raynas.controllers.scored import best_scored
from raynas.controllers.surrogate import Surrogate
from raynas.controllers.surrogate_pareto import SurrogatePareto
from raynas.controllers.warm_start import WarmStart

__all__ = [
    "NSGA2",
    "Auto",
    "CheapConstraints",
    "Controller",
    "Deduplicated",
    "Grid",
    "LocalSearch",
    "Random",
    "RegularisedEvolution",
    "Surrogate",
    "SurrogatePareto",
    "WarmStart",
    "best_scored",
    "make_controller",
]
