"""The plan of a search, as `raynas plan` keeps it in the search's folder."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from raynas.analysis.saved_results import load, save
from raynas.analysis.search_view import Prediction
from raynas.search_cost import SearchPlan

__all__ = ["read_prediction", "save_plan"]

_FILE = "plan.json"
_MOST = 1e12  # no search has as many trials, or seconds: what is larger was not written by raynas


def save_plan(plan: SearchPlan, folder: Path) -> None:
    """Write `plan` to ``plan.json`` in `folder`."""
    save(asdict(plan), folder / _FILE)


def read_prediction(folder: Path) -> Prediction | None:
    """What was planned last for the search of `folder`; None where nothing was."""
    found = load(folder / _FILE)
    if found is None:
        return None
    with suppress(ValueError, KeyError, TypeError, OverflowError, IndexError):
        plan = Prediction(
            trials=round(found["trials"]["likely"]),
            seconds=float(found["seconds"]["likely"]),
            parallel=int(found["parallel"]),
            words=str(found["words"]),
        )
        counts = (plan.trials, plan.seconds, plan.parallel)
        if all(math.isfinite(count) and 0 < count < _MOST for count in counts):
            return plan
    return None
