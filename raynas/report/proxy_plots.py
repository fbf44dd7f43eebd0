"""Figures of a proxy-task study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from raynas.report.figure_style import AMBER, BLUE, GRAY, GREEN, PURPLE, RED, Drawing, safe, styled

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "fresh_drawing",
    "models_drawing",
    "readings_drawing",
    "repeats_drawing",
    "smooth_drawing",
]

_COLORS = (BLUE, GREEN, AMBER, PURPLE, RED, GRAY)


def repeats_drawing(data: Mapping[str, Any]) -> Drawing:
    """The scores of each architecture that was trained several times."""
    figure = _figure()
    for index, one in enumerate(data["variances"]):
        figure.add_scatter(
            x=[index] * len(one["scores"]),
            y=one["scores"],
            mode="markers",
            marker={"color": BLUE, "size": 9, "opacity": 0.7},
            showlegend=False,
        )
    styled(figure, "architecture, the baseline first", _metric(data), height=300)
    figure.update_xaxes(dtick=1)
    return Drawing(
        "variance",
        "The same architecture, trained again",
        "Each dot is a training. One training each does not distinguish architectures that lie as "
        "far apart as dots in one column.",
        figure,
    )


def smooth_drawing(data: Mapping[str, Any]) -> Drawing:
    """Learning curves."""
    figure = _figure()
    for index, curve in enumerate(data["curves"]):
        figure.add_scatter(
            x=curve["steps"],
            y=curve["scores"],
            mode="lines+markers",
            line={"color": _COLORS[index % len(_COLORS)]},
            name=f"smoothness {curve['smoothness']['smoothness']:.3f}",
        )
    styled(figure, "optimizer steps", _metric(data), height=340)
    return Drawing(
        "smoothness", "Learning curves", "How much of each curve is trend, how much noise.", figure
    )


def models_drawing(data: Mapping[str, Any]) -> Drawing:
    """Candidates and reference models over cost and score."""
    figure = _figure()
    figure.add_scatter(
        x=[cost for _, cost in data["candidates"]],
        y=[score for score, _ in data["candidates"]],
        mode="markers",
        marker={"color": GRAY, "size": 7, "symbol": "circle-open"},
        name="candidates, briefly trained",
    )
    for known, color, name in ((True, GREEN, "trained in full"), (False, AMBER, "predicted")):
        rows = [row for row in data["models"] if row["known"] is known]
        if rows:
            figure.add_scatter(
                x=[row["cost"] for row in rows],
                y=[row["score"] for row in rows],
                mode="markers",
                marker={"color": color, "size": 10},
                error_y=_errors(rows, color),
                name=name,
            )
    figure.update_xaxes(type="log")
    styled(figure, data["cost"], _metric(data))
    return Drawing(
        "models",
        "Reference models",
        "Chosen to lie evenly over cost and score; a candidate's score is that of its last round. "
        "Bars are 95 % prediction intervals.",
        figure,
    )


def readings_drawing(data: Mapping[str, Any]) -> Drawing:
    """Tau against cost for each candidate."""
    figure = _figure()
    for index, candidate in enumerate(data["candidates"]):
        rows = candidate["readings"]
        color = _COLORS[index % len(_COLORS)]
        if rows:
            figure.add_scatter(
                x=[row["cost"] for row in rows],
                y=[row["tau"] for row in rows],
                mode="lines+markers",
                line={"color": color},
                name=safe(candidate["name"]),
                legendgroup=str(index),
            )
            figure.add_scatter(
                x=[row["cost"] for row in rows],
                y=[row["low"] for row in rows],
                mode="lines",
                line={"color": color, "dash": "dot", "width": 1},
                showlegend=False,
                legendgroup=str(index),
            )
    figure.add_hline(y=data["goal"]["tau"], line={"color": GRAY, "dash": "dash"})
    figure.add_vline(x=data["goal"]["most"], line={"color": GRAY, "dash": "dash"})
    if data.get("agreement"):
        found = data["agreement"]
        figure.add_scatter(
            x=[data["cost"]],
            y=[found["tau"]],
            mode="markers",
            marker={"color": RED, "size": 12, "symbol": "star"},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [found["high"] - found["tau"]],
                "arrayminus": [found["tau"] - found["low"]],
            },
            name="taken, schedule fitted",
        )
    figure.update_xaxes(type="log")
    figure.update_yaxes(range=[-0.6, 1.05])
    styled(figure, "cost in full trainings", "Kendall's tau with full training")
    return Drawing(
        "design",
        "Which proxy ranks as full training does",
        "Each line is a candidate, read off as its runs go on; dotted is what its tau is at least, "
        "with the confidence asked for over all readings. The dashed lines are the goal.",
        figure,
    )


def fresh_drawing(data: Mapping[str, Any]) -> Drawing:
    """Proxy against full training on fresh architectures."""
    figure = _figure()
    figure.add_scatter(
        x=data["proxy"], y=data["full"], mode="markers", marker={"color": BLUE, "size": 9}
    )
    metric = _metric(data)
    styled(figure, f"by proxy: {metric}", f"by full training: {metric}", height=340)
    found = data["agreement"]
    return Drawing(
        "fresh",
        "Fresh architectures",
        f"They had no part in the choice of the proxy. Kendall's tau {found['tau']:.2f}, "
        f"{found['low']:.2f} to {found['high']:.2f}; cost {data['cost']:.4f} full trainings.",
        figure,
    )


def _metric(data: Mapping[str, Any]) -> str:
    return str(data.get("metric", "score"))


def _figure() -> go.Figure:
    import plotly.graph_objects as go

    return go.Figure()


def _errors(rows: Sequence[Mapping[str, Any]], color: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [row["high"] - row["score"] for row in rows],
        "arrayminus": [row["score"] - row["low"] for row in rows],
        "color": color,
        "thickness": 1,
    }
