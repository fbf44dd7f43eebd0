"""What a search found."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from typing_extensions import TypeVar

from raynas.space import Space
from raynas.trials import History, Stop, Trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SearchResult"]

A = TypeVar("A", default=Any)


@dataclass(frozen=True)
class SearchResult(Generic[A]):
    """What a search found.

    Attributes:
        history: Every trial.
        stop: Why the search ended; None where a signal interrupted it.
        folder: Folder of the results.
        space: What its architectures are members of.
    """

    history: History[A]
    stop: Stop | None
    folder: Path
    space: Space[A]

    def best(self, count: int = 10) -> tuple[Trial[A], ...]:
        """The `count` trials of highest reward, best first."""
        return self.history.best(count)

    def dataframe(self) -> pd.DataFrame:
        """One row a trial in ask order; see `raynas.report.trials_frame` for the columns."""
        from raynas.analysis.tables import trials_frame

        return trials_frame(self.history, self.space)

    def _repr_html_(self) -> str:
        """Why the search ended, and its history."""
        end = self.stop.reason if self.stop else "interrupted; run it again to go on"
        words = f"Search in {self.folder}: {end}"
        return f"<p>{escape(words)}</p>{self.history._repr_html_()}"
