"""From the history to tables, figures and pages."""

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
