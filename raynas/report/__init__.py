"""Tables, figures and pages about a history; each is imported on first use."""

from typing import TYPE_CHECKING

from raynas.lazy_names import attach

if TYPE_CHECKING:
    from raynas.analysis.search_view import Prediction as Prediction
    from raynas.analysis.search_view import SearchView as SearchView
    from raynas.analysis.tables import best_table as best_table
    from raynas.analysis.tables import early_ends as early_ends
    from raynas.analysis.tables import trials_frame as trials_frame
    from raynas.report.curve import search_curve as search_curve
    from raynas.report.files import write_report as write_report
    from raynas.report.html_page import page as page
    from raynas.report.zero_cost import rank_correlations as rank_correlations
else:
    __getattr__, __dir__, __all__ = attach(__name__)
