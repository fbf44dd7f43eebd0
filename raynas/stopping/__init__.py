"""Stop rules: reasons to end a search, by its history; one file a rule."""

from raynas.stopping.base import StopRule, StopWarning, first_stop, warnings_of
from raynas.stopping.budgets import (
    DeviceTimeLimit,
    FailedLimit,
    MoneyLimit,
    TimeLimit,
    TrainingLimit,
    TrialLimit,
)
from raynas.stopping.combined import AllOf, AnyOf, Patience
from raynas.stopping.convergence import Convergence
from raynas.stopping.defaults import default_rules
from raynas.stopping.device_offline import DeviceOffline
from raynas.stopping.exhausted import SpaceExhausted
from raynas.stopping.failures import FailureShare
from raynas.stopping.improvement import ImprovementLeft, SurrogateGain
from raynas.stopping.no_convergence import NoConvergence
from raynas.stopping.overrides import until
from raynas.stopping.replay import Moment, along, as_of

__all__ = [
    "AllOf",
    "AnyOf",
    "Convergence",
    "DeviceOffline",
    "DeviceTimeLimit",
    "FailedLimit",
    "FailureShare",
    "ImprovementLeft",
    "Moment",
    "MoneyLimit",
    "NoConvergence",
    "Patience",
    "SpaceExhausted",
    "StopRule",
    "StopWarning",
    "SurrogateGain",
    "TimeLimit",
    "TrainingLimit",
    "TrialLimit",
    "along",
    "as_of",
    "default_rules",
    "first_stop",
    "until",
    "warnings_of",
]
