"""Controllers propose the next architecture: one file an algorithm, and wrappers that compose.

Importing this is cheap: each controller is imported on first use.
"""

from typing import TYPE_CHECKING

from raynas.lazy_names import attach

if TYPE_CHECKING:
    from raynas.controllers.auto import Auto as Auto
    from raynas.controllers.base import Controller as Controller
    from raynas.controllers.by_name import make_controller as make_controller
    from raynas.controllers.cheap_constraints import CheapConstraints as CheapConstraints
    from raynas.controllers.deduplicated import Deduplicated as Deduplicated
    from raynas.controllers.evolution import RegularizedEvolution as RegularizedEvolution
    from raynas.controllers.grid_search import Grid as Grid
    from raynas.controllers.local_search import LocalSearch as LocalSearch
    from raynas.controllers.nsga2 import NSGA2 as NSGA2
    from raynas.controllers.optuna import OptunaSampler as OptunaSampler
    from raynas.controllers.ppo import PPO as PPO
    from raynas.controllers.random_search import Random as Random
    from raynas.controllers.surrogate import Surrogate as Surrogate
    from raynas.controllers.surrogate_pareto import SurrogatePareto as SurrogatePareto
    from raynas.controllers.warm_start import WarmStart as WarmStart
    from raynas.controllers.zero_cost_start import best_scored as best_scored
else:
    __getattr__, __dir__, __all__ = attach(__name__)
