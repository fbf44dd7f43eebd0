"""How figures look: colors that read on light and dark, and a layout that takes the page's own.

Text and grid lines get their colors from the page's style sheet (`assets/raynas.css`), which
follows the reader's light or dark setting; so the same figure serves both.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["AMBER", "BAND", "BLUE", "GRAY", "GREEN", "PURPLE", "RED", "Drawing", "safe", "styled"]

BLUE, GREEN, AMBER, RED = "#4c86e8", "#12996b", "#d9831f", "#d64545"
PURPLE, GRAY = "#9a63d6", "#8a929c"
BAND = "rgba(217,131,31,.18)"

MANY_POINTS = 1500
"""From here on points are drawn by WebGL: SVG becomes slow."""

_COUNTED = ("trial", "completed trials", "optimizer steps")
_FEW = 10  # trials: below, an axis has a tick for each
_GRID = "rgba(128,136,148,.28)"
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'


@dataclass(frozen=True)
class Drawing:
    """A figure with what a reader must know to read it.

    Attributes:
        key: Names its file.
        title: What it shows.
        words: How to read it.
        figure: The figure, without a title of its own.
        wide: Whether it takes the page's whole width.
    """

    key: str
    title: str
    words: str
    figure: go.Figure
    wide: bool = True


def safe(text: object) -> str:
    """`text` for a figure, in which plotly would take some tags for its own."""
    return escape(str(text))


def styled(figure: go.Figure, x: str, y: str, height: int = 380, **layout: Any) -> go.Figure:
    """`figure` with the common layout; `x` and `y` are the axes' titles, escaped here."""
    axis = {
        "gridcolor": _GRID,
        "zeroline": False,
        "linecolor": _GRID,
        "automargin": True,
        "title": {"standoff": 8},
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    figure.update_layout(
        xaxis_title_text=safe(x),
        yaxis_title_text=safe(y),
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": _FONT, "size": 13, "color": "#3d4650"},
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        height=height,
        hovermode="closest",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
    )
    figure.update_layout(**layout)
    if x.startswith(_COUNTED) and not any(_beyond(trace.x, _FEW) for trace in figure.data):
        figure.update_xaxes(dtick=1)  # there is no half a trial
    return figure


def _beyond(values: Any, most: int) -> bool:
    """Whether any of `values`, if there are any, is larger than `most`."""
    return any(value is not None and value > most for value in (() if values is None else values))
