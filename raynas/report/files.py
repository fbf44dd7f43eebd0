"""The report as files in the search's folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

from raynas.analysis.saved_results import replace_text
from raynas.analysis.search_view import SearchView
from raynas.analysis.tables import as_csv, trials_frame
from raynas.errors import RaynasError
from raynas.objective import Objective
from raynas.report.choice_findings import keep_findings
from raynas.report.html_page import page
from raynas.report.sections import Section, sections
from raynas.trials import Completed, Outcome, outcome_to_json

__all__ = ["ReportFiles", "write_report"]


@dataclass(frozen=True)
class ReportFiles:
    """The files of a report.

    Attributes:
        page: The report: one HTML page that needs no network.
        table: Every trial: a CSV file.
        data: The same as JSON, architectures nested and curves included.
    """

    page: Path
    table: Path
    data: Path

    def _repr_html_(self) -> str:
        """Links to the files."""
        return "".join(
            f'<p>{name}: <a href="{escape(os.path.relpath(path))}">{escape(str(path))}</a></p>'
            for name, path in (("Report", self.page), ("Trials", self.table), ("JSON", self.data))
        )


def write_report(view: SearchView, folder: Path, parts: list[Section] | None = None) -> ReportFiles:
    """Write the page and the tables to `folder`, replacing earlier ones whole.

    Args:
        view: What to report.
        folder: Made where it does not exist.
        parts: The view's `sections`, where they are there already.

    Raises:
        RaynasError: `folder` cannot be written to.
    """
    parts = sections(view) if parts is None else parts
    files = ReportFiles(folder / "report.html", folder / "trials.csv", folder / "trials.json")
    texts = {
        files.page: page(view, parts),
        files.table: as_csv(trials_frame(view.history, view.space)),
        files.data: json.dumps(_as_json(view), indent=1),
    }
    _write(folder, texts)
    for part in parts:
        if part.findings is not None:
            keep_findings(part.findings, folder)
    return files


def _write(folder: Path, texts: Mapping[Path, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            replace_text(path, text)
    except OSError as error:
        raise RaynasError(
            f"cannot write the report to {folder}: {error.strerror}; "
            "fix this, then run `raynas report` again"
        ) from error


def _outcome(outcome: Outcome | None, objectives: Sequence[Objective]) -> dict[str, Any] | None:
    """An outcome as data, what is minimized under its own name and with its own sign."""
    if outcome is None:
        return None
    data = outcome_to_json(outcome)
    if isinstance(outcome, Completed):
        del data["reward"]
        figures = [o.figure(value) for o, value in zip(objectives, outcome.objectives, strict=True)]
        data |= {objectives[0].column: figures[0], "objectives": figures}
    return data


def _as_json(view: SearchView) -> dict[str, Any]:
    """A search as JSON data: NaN and infinity as Python writes and reads them."""
    return {
        "search": view.name,
        "reward": repr(view.reward),
        "objectives": [asdict(objective) for objective in view.objectives],
        "space": view.space.describe(),
        "provenance": dict(view.provenance),
        "trials": [
            {
                "number": trial.number,
                "architecture": json.loads(view.space.to_json(trial.architecture)),
                "config": view.space.to_config(trial.architecture),
                "started": trial.started,
                "ended": trial.ended,
                "outcome": _outcome(trial.outcome, view.objectives),
            }
            for trial in view.history
        ],
    }
