"""From the history to tables, figures and pages; each is imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raynas.analysis.search_view import Prediction, SearchView
    from raynas.analysis.tables import best_table, early_ends, trials_frame
    from raynas.report.curve import search_curve
    from raynas.report.files import write_report
    from raynas.report.page import page

__all__ = [
    "Prediction",
    "SearchView",
    "best_table",
    "early_ends",
    "page",
    "search_curve",
    "trials_frame",
    "write_report",
]

_HOMES = {
    "Prediction": "raynas.analysis.search_view",
    "SearchView": "raynas.analysis.search_view",
    "best_table": "raynas.analysis.tables",
    "early_ends": "raynas.analysis.tables",
    "page": "raynas.report.page",
    "search_curve": "raynas.report.curve",
    "trials_frame": "raynas.analysis.tables",
    "write_report": "raynas.report.files",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'raynas.report' has no attribute {name!r}")
    module = import_module(_HOMES[name])
    found = getattr(module, name)
    globals()[name] = found  # `page` is a function here, and a module of the same name
    return found
