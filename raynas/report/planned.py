"""The plan of a search, as `raynas plan` keeps it in the search's folder."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from raynas.plan import Plan
from raynas.report.view import Prediction

__all__ = ["read_prediction", "save_plan"]

_FILE = "plan.json"


def save_plan(plan: Plan, folder: Path) -> None:
    """Write `plan` to ``plan.json`` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _FILE).write_text(json.dumps(asdict(plan), indent=1))


def read_prediction(folder: Path) -> Prediction | None:
    """What was planned last for the search of `folder`; None where nothing was."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        found: Any = json.loads((folder / _FILE).read_text())
        return Prediction(
            trials=round(found["trials"]["likely"]),
            seconds=float(found["seconds"]["likely"]),
            parallel=int(found["parallel"]),
            words=str(found["words"]),
        )
    return None
