"""What happened so far: proposals, how trials end, and the history that controllers read.

All values are frozen and hold only plain data, so that they can be stored, replayed and compared.
"""

from raynas.objective import Mode
from raynas.trials.history import History
from raynas.trials.measurement import (
    MOST_POINTS,
    Measurement,
    Point,
    measurement_from_json,
    thinned,
)
from raynas.trials.outcome import (
    BOUND,
    DEFERRED,
    Completed,
    Failed,
    Infeasible,
    Outcome,
    Stopped,
    outcome_from_json,
    outcome_to_json,
)
from raynas.trials.stop import Stop
from raynas.trials.trial import Architecture, Proposal, Trial

__all__ = [
    "BOUND",
    "DEFERRED",
    "MOST_POINTS",
    "Architecture",
    "Completed",
    "Failed",
    "History",
    "Infeasible",
    "Measurement",
    "Mode",
    "Outcome",
    "Point",
    "Proposal",
    "Stop",
    "Stopped",
    "Trial",
    "measurement_from_json",
    "outcome_from_json",
    "outcome_to_json",
    "thinned",
]
