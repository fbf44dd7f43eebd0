"""The search curve: reward against trial number, in the order in which trials were asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from raynas.analysis.fronts import Progress
from raynas.power_scaling import UnitScale
from raynas.report.figure_style import (
    AMBER,
    BAND,
    BLUE,
    GRAY,
    GREEN,
    MANY_POINTS,
    RED,
    safe,
    styled,
)
from raynas.trials import Failed, History, Infeasible, Stopped, Trial
from raynas.wording import counted

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["LEAST_FOR_BAND", "hypervolume_figure", "search_curve", "window_of"]

_SHOWN_IN_HOVER = 2000  # trials whose architecture is in the page: its size
LEAST_FOR_BAND = 10
"""Of fewer rewards no deviation is drawn."""

_LEAST_IN_WINDOW = 5  # trials; a mean of fewer jumps

_LOW_OUTLIERS = 0.02  # of the trials are below the axis, so that the others are seen apart
_LONGEST_HOVER = 160  # characters: two lines of a hover box
_UNREWARDED = (
    (Failed, "failed", "x", RED),
    (Infeasible, "infeasible", "triangle-down", AMBER),
    (Stopped, "stopped early", "line-ns-open", GRAY),
)


def window_of(count: int) -> int:
    """Number of rewards that the moving mean and its band are taken over, at most."""
    return min(count, max(20, count // 50))


def hypervolume_figure(progress: Progress) -> go.Figure:
    """Hypervolume against the number of completed trials."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_scatter(
        x=progress.trials,
        y=progress.shares,
        mode="lines",
        line={"color": GREEN, "shape": "hv", "width": 2.5},
        hovertemplate="completed trials: %{x}; %{y:.4f}<extra></extra>",
        name="hypervolume",
    )
    title = "hypervolume, share of the box"
    return styled(figure, "completed trials", title, height=320, yaxis_range=[0, 1.02])


def search_curve(history: History, title: str = "") -> go.Figure:
    """A figure with each reward, the best so far, and the moving mean with its deviation.

    In the unit and direction of the objective. Trials without a reward are marked at the worse
    edge. The worst 2 % may lie outside of what is shown at first, so that they do not flatten the
    rest.

    Args:
        history: What to draw.
        title: Title of the axis; the objective's name by default.
    """
    import plotly.graph_objects as go

    numbers = np.array([trial.number for trial in history.completed], dtype=int)
    objective = history.objective
    rewards = pd.Series(history.rewards, dtype=float)
    figures = rewards.map(objective.figure)
    figure = go.Figure()
    _add_band(figure, numbers, figures)
    worst, best = map(objective.figure, _shown_range(rewards))
    points = go.Scattergl if len(history) > MANY_POINTS else go.Scatter
    figure.add_trace(
        points(
            x=numbers,
            y=figures.to_numpy(),
            mode="markers",
            marker={"color": BLUE, "size": 6, "opacity": 0.65},
            text=_hover(history.completed),
            hovertemplate="trial %{x}: %{y:.5g}<br>%{text}<extra></extra>",
            name="trial",
        )
    )
    figure.add_scatter(
        x=numbers,
        y=rewards.cummax().map(objective.figure).to_numpy(),
        mode="lines",
        line={"color": GREEN, "shape": "hv", "width": 2.5},
        hovertemplate="best after trial %{x}: %{y:.5g}<extra></extra>",
        name="best so far",
    )
    for kind, name, symbol, color in _UNREWARDED:
        trials = [trial for trial in history if isinstance(trial.outcome, kind)]
        if trials:
            figure.add_trace(
                points(
                    x=[trial.number for trial in trials],
                    y=[worst + 0.02 * (best - worst)] * len(trials),
                    mode="markers",
                    marker={"color": color, "symbol": symbol, "size": 8, "line": {"width": 1}},
                    text=[safe(_cut(trial.reason or "")) for trial in trials],
                    hovertemplate="trial %{x}: %{text}<extra></extra>",
                    name=f"{name} ({len(trials)})",
                )
            )
    return styled(
        figure,
        "trial, in the order asked",
        title or objective.axis,
        height=430,
        yaxis_range=sorted([worst, best]),
        clickmode="event",
    )


def _add_band(figure: go.Figure, numbers: np.ndarray, rewards: pd.Series[float]) -> None:
    """The moving mean and one deviation around it, thinned to what a screen can show."""
    window = window_of(len(rewards))
    scale = UnitScale.of(rewards)
    if len(rewards) < LEAST_FOR_BAND:
        return
    moving = rewards.map(scale).rolling(window, min_periods=_LEAST_IN_WINDOW)
    mean, deviation = (np.ldexp(of(), scale.exponent) for of in (moving.mean, moving.std))
    step = max(1, len(rewards) // 1000)
    at, mean, deviation = numbers[::step], mean[::step], deviation[::step]
    known = ~np.isnan(mean)
    at, mean, deviation = at[known], mean[known], deviation[known]
    figure.add_scatter(
        x=np.concatenate([at, at[::-1]]),
        y=np.concatenate([mean + deviation, (mean - deviation)[::-1]]),
        fill="toself",
        fillcolor=BAND,
        mode="lines",
        line_width=0,
        hoverinfo="skip",
        name=f"± 1 deviation of {counted(window, 'trial')}",
    )
    figure.add_scatter(
        x=at,
        y=mean,
        mode="lines",
        line_color=AMBER,
        hoverinfo="skip",
        name=f"mean of {counted(window, 'trial')}",
    )


def _shown_range(rewards: pd.Series[float]) -> tuple[float, float]:
    """The worst and the best reward that are shown at first."""
    if rewards.empty:
        return 0.0, 1.0
    low, high = float(rewards.quantile(_LOW_OUTLIERS, interpolation="lower")), float(rewards.max())
    margin = 0.07 * (high - low) or 0.05 * abs(high) or 0.05
    return low - margin, high + margin


def _hover(trials: Sequence[Trial]) -> list[str]:
    if len(trials) > _SHOWN_IN_HOVER:
        return []
    return [safe(_cut(repr(trial.architecture))) for trial in trials]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_HOVER else f"{text[: _LONGEST_HOVER - 1]}…"
