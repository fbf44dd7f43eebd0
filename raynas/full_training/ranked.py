"""The order of what was trained in full."""

from __future__ import annotations

from collections.abc import Sequence

from raynas.analysis.beliefs import believed_rows
from raynas.analysis.full_training import Row
from raynas.search import Search
from raynas.trials import History

__all__ = ["ranked"]


def ranked(search: Search, name: str, full: History, rows: Sequence[Row]) -> list[Row]:
    """`rows`, of a search over budgets in the order of `raynas.analysis.beliefs.believed_rows`.

    Args:
        search: Stage 1.
        name: Name that it runs under.
        full: Full trainings of stage 2.
        rows: One row for each architecture in `full`, by their means.
    """
    if len(search.budgets) == 1 or not rows:
        return list(rows)
    with search.look(name) as stage1:
        return believed_rows(stage1.asktell, full, rows)
