"""raynas: open neural architecture search on Ray Tune and PyTorch Lightning.

Importing this package is cheap: names that need Ray, Optuna or torch are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from raynas import renamed

if TYPE_CHECKING:
    from raynas.asktell import AskTell
    from raynas.controllers import Controller
    from raynas.errors import InfeasibleArchitecture, RaynasError
    from raynas.full_training.train import TrainingResult, train
    from raynas.redaction import secret
    from raynas.report.zero_cost import rank_correlations
    from raynas.rewards import (
        Absolute,
        AtLeast,
        AtMost,
        Clipped,
        Constrained,
        Factor,
        Metric,
        MnasNet,
        Pareto,
        Reward,
        WeightedProduct,
    )
    from raynas.search import Limits, Search, SearchResult
    from raynas.space import (
        Space,
        architecture_in,
        choice,
        integer,
        real,
        repeat,
        searchable,
        shared,
        subset,
    )
    from raynas.stages import Stages
    from raynas.stopping import StopRule
    from raynas.tasks import (
        Context,
        CostMeter,
        FunctionMeter,
        FunctionTask,
        LatencyMeter,
        LightningData,
        LightningTask,
        Measured,
        MemoryMeter,
        Meter,
        Pretrained,
        TabularTask,
        Task,
        ZeroCost,
    )
    from raynas.tasks.meters.space_profile import profile_space
    from raynas.trials import (
        Completed,
        Failed,
        History,
        Infeasible,
        Measurement,
        Proposal,
        Stop,
        Stopped,
        Trial,
    )
    from raynas.tune.remote_scoring import OnResource, score_in_workers
    from raynas.tune.resources import Resources
    from raynas.tune.searcher import NASSearcher

__version__ = "0.1.0"

_HOMES = {
    "raynas.asktell": ("AskTell",),
    "raynas.controllers": ("Controller",),
    "raynas.errors": ("InfeasibleArchitecture", "RaynasError"),
    "raynas.redaction": ("secret",),
    "raynas.rewards": (
        "Absolute",
        "AtLeast",
        "AtMost",
        "Clipped",
        "Constrained",
        "Factor",
        "Metric",
        "MnasNet",
        "Pareto",
        "Reward",
        "WeightedProduct",
    ),
    "raynas.search": ("Limits", "Search", "SearchResult"),
    "raynas.space": (
        "Space",
        "architecture_in",
        "choice",
        "integer",
        "real",
        "repeat",
        "searchable",
        "shared",
        "subset",
    ),
    "raynas.stages": ("Stages",),
    "raynas.stopping": ("StopRule",),
    "raynas.tasks": (
        "Context",
        "CostMeter",
        "FunctionMeter",
        "FunctionTask",
        "LatencyMeter",
        "LightningData",
        "LightningTask",
        "Measured",
        "MemoryMeter",
        "Meter",
        "Pretrained",
        "TabularTask",
        "Task",
        "ZeroCost",
    ),
    "raynas.report.zero_cost": ("rank_correlations",),
    "raynas.tasks.meters.space_profile": ("profile_space",),
    "raynas.trials": (
        "Completed",
        "Failed",
        "History",
        "Infeasible",
        "Measurement",
        "Proposal",
        "Stop",
        "Stopped",
        "Trial",
    ),
    "raynas.full_training": ("TrainingResult", "train"),
    "raynas.tune.resources": ("Resources",),
    "raynas.tune.searcher": ("NASSearcher",),
    "raynas.tune.remote_scoring": ("OnResource", "score_in_workers"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Absolute",
    "AskTell",
    "AtLeast",
    "AtMost",
    "Clipped",
    "Completed",
    "Constrained",
    "Context",
    "Controller",
    "CostMeter",
    "Factor",
    "Failed",
    "FunctionMeter",
    "FunctionTask",
    "History",
    "Infeasible",
    "InfeasibleArchitecture",
    "LatencyMeter",
    "LightningData",
    "LightningTask",
    "Limits",
    "Measured",
    "Measurement",
    "MemoryMeter",
    "Meter",
    "Metric",
    "MnasNet",
    "NASSearcher",
    "OnResource",
    "Pareto",
    "Pretrained",
    "Proposal",
    "RaynasError",
    "Resources",
    "Reward",
    "Search",
    "SearchResult",
    "Space",
    "Stages",
    "Stop",
    "StopRule",
    "Stopped",
    "TabularTask",
    "Task",
    "TrainingResult",
    "Trial",
    "WeightedProduct",
    "ZeroCost",
    "__version__",
    "architecture_in",
    "choice",
    "integer",
    "profile_space",
    "rank_correlations",
    "real",
    "repeat",
    "score_in_workers",
    "searchable",
    "secret",
    "shared",
    "subset",
    "train",
]

renamed.install()


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'raynas' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
