"""Meters: what an architecture's network costs, and the task that measures it."""

from typing import TYPE_CHECKING

from raynas.lazy_names import attach

if TYPE_CHECKING:
    from raynas.target_device import CommandMeter as CommandMeter
    from raynas.tasks import Measured as Measured
    from raynas.tasks.meters import CostMeter as CostMeter
    from raynas.tasks.meters import FunctionMeter as FunctionMeter
    from raynas.tasks.meters import LatencyMeter as LatencyMeter
    from raynas.tasks.meters import MemoryMeter as MemoryMeter
    from raynas.tasks.meters import Meter as Meter
    from raynas.tasks.meters.energy import EnergyMeter as EnergyMeter
    from raynas.tasks.meters.predicted import Predicted as Predicted
    from raynas.tasks.meters.size import SizeMeter as SizeMeter
    from raynas.tasks.meters.space_profile import profile_space as profile_space
    from raynas.tasks.zero_cost import ZeroCost as ZeroCost
    from raynas.tune.remote_scoring import OnResource as OnResource
    from raynas.tune.remote_scoring import score_in_workers as score_in_workers
else:
    __getattr__, __dir__, __all__ = attach(__name__)
