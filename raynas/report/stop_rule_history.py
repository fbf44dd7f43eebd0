"""How near each stop rule was to a stop while the search went on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from raynas.report.figure_style import RED, Drawing, safe, styled
from raynas.report.stop_rules import name_of
from raynas.stopping import Moment, StopRule
from raynas.wording import sentence

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["rule_drawing", "rules_figure"]


def rule_drawing(rules: Sequence[StopRule], moments: Sequence[Moment]) -> Drawing:
    """How near each rule was to a stop, along the search."""
    return Drawing(
        "stop_rules",
        "How near each stop rule was",
        "One row for each rule: the darker, the nearer to a stop. A red cross marks where it found "
        "a reason to stop. Point at a cell to read the rule's finding.",
        rules_figure([name_of(rule) for rule in rules], moments),
    )


def rules_figure(names: Sequence[str], moments: Sequence[Moment]) -> go.Figure:
    """One row for each rule, one column for each moment."""
    import plotly.graph_objects as go

    ended = [moment.ended for moment in moments]
    rows = [f"{safe(name)}" for name in names]
    figure = go.Figure()
    figure.add_heatmap(
        x=ended,
        y=rows,
        z=np.array([moment.progress for moment in moments]).T,
        zmin=0,
        zmax=1,
        text=np.array([[safe(state) for state in moment.states] for moment in moments]).T,
        hovertemplate="trials ended: %{x}; %{text}<extra>%{y}</extra>",
        colorscale=[[0, "rgba(217,131,31,.06)"], [1, "rgba(217,131,31,.85)"]],
        showscale=False,
        ygap=3,
    )
    fired = [
        (moment.ended, row, stop)
        for moment in moments
        for row, stop in zip(rows, moment.stops, strict=True)
        if stop
    ]
    figure.add_scatter(
        x=[at for at, _, _ in fired],
        y=[row for _, row, _ in fired],
        mode="markers",
        marker={"symbol": "x", "size": 9, "color": RED},
        text=[safe(sentence(stop.reason)) for _, _, stop in fired],
        hovertemplate="stop, trials ended: %{x}; %{text}<extra>%{y}</extra>",
        showlegend=False,
    )
    styled(figure, "trials ended", "", height=90 + 30 * len(rows))
    return figure.update_yaxes(autorange="reversed", showgrid=False)
