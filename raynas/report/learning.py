"""Learning curves: the metric against optimizer steps while a trial trains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from raynas.analysis.search_view import SearchView
from raynas.report.figure_style import AMBER, BLUE, GRAY, GREEN, PURPLE, Drawing, safe, styled
from raynas.rewards import Metric
from raynas.trials import History, Point, Trial
from raynas.wording import counted

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["curve_of", "learning_curves", "learning_figure", "trial_curves"]

_COLORS = (GREEN, BLUE, AMBER, PURPLE, GRAY)
_BEST = 5  # curves in color, as many as are told apart
_OTHERS = 60  # gray curves, enough to show the spread


def curve_of(trial: Trial) -> tuple[Point, ...]:
    """The points that a trial's measurement holds, if any."""
    measurement = getattr(trial.outcome, "measurement", None)
    return measurement.curve if measurement else ()


def learning_figure(history: History, metric: str) -> go.Figure:
    """The five best trials in color, and an even sample of the others behind them."""
    import plotly.graph_objects as go

    figure = go.Figure()
    best = history.best(_BEST)
    others = [trial for trial in history.completed if trial not in best and curve_of(trial)]
    step = max(1, -(-len(others) // _OTHERS))
    x: list[float | None] = []
    y: list[float | None] = []
    for trial in others[::step]:
        points = _points(trial, metric)
        x += [*(at for at, _ in points), None]
        y += [*(value for _, value in points), None]
    if others:
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"color": GRAY, "width": 1},
            opacity=0.35,
            hoverinfo="skip",
            name=f"{len(others[::step])} of {counted(len(others), 'other')}",
        )
    for color, trial in zip(_COLORS, best, strict=False):
        points = _points(trial, metric)
        figure.add_scatter(
            x=[at for at, _ in points],
            y=[value for _, value in points],
            mode="lines+markers",
            line={"color": color, "width": 2},
            marker={"size": 5},
            hovertemplate=f"trial {trial.number}<br>step %{{x}}: %{{y:.5g}}<extra></extra>",
            name=f"trial {trial.number}",
        )
    return styled(figure, "optimizer steps", metric, height=380)


def learning_curves(view: SearchView) -> list[Drawing]:
    """The learning curves of the metric that the reward goes by, where trials reported any."""
    metric = _metric(view)
    if metric is None:
        return []
    return [
        Drawing(
            "learning_curves",
            f"Learning curves: {metric}",
            f"In color: the best {min(_BEST, len(view.history.completed))} of "
            f"{counted(len(view.history.completed), 'trial')}. Where curves still cross at the end "
            "by more than a second training of the same architecture would differ, longer "
            "trainings may rank architectures otherwise.",
            learning_figure(view.history, metric),
        )
    ]


def trial_curves(trial: Trial) -> list[Drawing]:
    """A drawing a metric of one trial's curve."""
    import plotly.graph_objects as go

    drawings = []
    for metric in dict.fromkeys(name for point in curve_of(trial) for name in point.metrics):
        points = _points(trial, metric)
        figure = go.Figure()
        figure.add_scatter(
            x=[at for at, _ in points],
            y=[value for _, value in points],
            mode="lines+markers",
            line={"color": BLUE},
            name=safe(metric),
        )
        styled(figure, "optimizer steps", metric, height=260)
        drawings.append(Drawing(f"trial_{metric}", metric, "", figure, wide=False))
    return drawings


def _points(trial: Trial, metric: str) -> Sequence[tuple[int, float]]:
    return [(p.step, p.metrics[metric]) for p in curve_of(trial) if metric in p.metrics]


def _metric(view: SearchView) -> str | None:
    """The reward's own metric where curves have it, or the one that most of them have."""
    names = Counter(
        name
        for trial in view.history.completed[-200:]
        for point in curve_of(trial)[:1]
        for name in point.metrics
    )
    if isinstance(view.reward, Metric) and view.reward.name in names:
        return view.reward.name
    return names.most_common(1)[0][0] if names else None
