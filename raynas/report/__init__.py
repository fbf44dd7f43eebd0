"""From the history to tables, figures and pages."""

from raynas.report.curve import search_curve
from raynas.report.files import write_report
from raynas.report.page import page
from raynas.report.table import best_table, early_ends, trials_frame
from raynas.report.view import Prediction, SearchView

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
