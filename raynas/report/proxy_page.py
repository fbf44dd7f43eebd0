"""The HTML page of a proxy-task study, made of the JSON files in its folder."""

from __future__ import annotations

import json
import time
from pathlib import Path

from raynas.analysis.saved_results import replace_text
from raynas.errors import RaynasError, in_a_line
from raynas.report.html_page import page_of
from raynas.report.proxy_plots import (
    fresh_drawing,
    models_drawing,
    readings_drawing,
    repeats_drawing,
    smooth_drawing,
)
from raynas.report.sections import Section
from raynas.tasks.log import announce
from raynas.wording import moment

__all__ = ["study_sections", "write_study_page"]

_PARTS = {
    "variance": ("Variance", repeats_drawing),
    "smoothness": ("Smoothness", smooth_drawing),
    "models": ("Reference models", models_drawing),
    "design": ("Proxy", readings_drawing),
    "fresh": ("Predicted and measured", fresh_drawing),
}


def study_sections(folder: Path) -> list[Section]:
    """What the page shows: the parts that are written, in order."""
    parts = []
    for name, (title, draw) in _PARTS.items():
        path = folder / f"{name}.json"
        if not path.exists():
            continue
        try:
            parts.append(Section(name, title, (draw(json.loads(path.read_text("utf-8"))),)))
        except Exception as error:
            announce("%s cannot be read and is left out (%s)", path, in_a_line(error))
    return parts


def write_study_page(folder: Path, name: str) -> Path:
    """Write the page of the study in `folder`, and return its path.

    Args:
        folder: Folder of the study.
        name: Name of the search whose proxy is studied.

    Raises:
        RaynasError: It cannot be written.
    """
    made = moment(time.time(), to="minutes")
    title, subtitle = f"{name}: proxy task", f"Proxy laboratory, {made}"
    path = folder / "proxy.html"
    try:
        replace_text(path, page_of(title, name, subtitle, study_sections(folder)))
    except OSError as error:
        raise RaynasError(
            f"cannot write to {folder}: {error.strerror}; fix this, then run the command again"
        ) from error
    return path
