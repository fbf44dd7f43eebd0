"""Figures as PNG files, by plotly's own export: kaleido, which drives a Chrome or Chromium."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from raynas.analysis.saved_results import replace_file
from raynas.errors import RaynasError
from raynas.report.figure_style import Drawing, safe
from raynas.report.sections import Section

__all__ = ["write_pngs"]

_WIDTH = 1000  # pixels, a page's width
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def write_pngs(parts: Iterable[Section], folder: Path) -> list[Path]:
    """Write each figure of `parts` to `folder`, named for what it shows, on white.

    Raises:
        RaynasError: kaleido is not installed, there is no browser, it does not start, or `folder`
            cannot be written to.
    """
    try:
        import kaleido  # noqa: F401 - what plotly exports by
        import plotly.io
    except ImportError:
        raise RaynasError(
            "PNG files need kaleido, which is not installed: pip install 'raynas[png]'"
        ) from None
    _find_browser()
    drawings = [b for part in parts for b in part.blocks if isinstance(b, Drawing)]
    paths = [folder / f"{drawing.key}.png" for drawing in drawings]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="raynas-figures-") as made:
            drafts = [Path(made, path.name) for path in paths]
            plotly.io.write_images([_titled(drawing) for drawing in drawings], drafts, scale=1.5)
            for draft, path in zip(drafts, paths, strict=True):
                replace_file(path, partial(shutil.copyfile, draft))
    except RaynasError:
        raise
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RaynasError(
            f"cannot write PNG files to {folder}: {first}; the HTML report has the same figures"
        ) from error
    return paths


def _find_browser() -> None:
    """Say which browser kaleido is to use, where it would not find the one that is there."""
    if os.environ.get("BROWSER_PATH"):
        return
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise RaynasError(
            "PNG files need Chrome or Chromium, which is not on the PATH: install it (on Debian "
            "and Ubuntu: apt install chromium), or say where it is in BROWSER_PATH"
        )
    os.environ["BROWSER_PATH"] = found


def _titled(drawing: Drawing) -> object:
    """The figure with its title and a white ground, as no page surrounds it."""
    import plotly.graph_objects as go

    figure = go.Figure(drawing.figure)
    top = 84 if drawing.title else 20
    figure.update_layout(
        title={"text": safe(drawing.title), "x": 0.02},
        margin={"l": 24, "r": 24, "t": top, "b": 24},
        width=_WIDTH,
        height=(figure.layout.height or 380) + top,
        paper_bgcolor="white",
        plot_bgcolor="white",
    )
    return figure
