"""Score against what an architecture costs, and the trials that no other one beats in both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raynas.analysis.search_view import SearchView
from raynas.report.figure_style import BLUE, GREEN, MANY_POINTS, Drawing, safe, styled
from raynas.report.fronts import values_of
from raynas.rewards import Objective
from raynas.trials import History, Mode, Trial

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Cost", "costs_of", "front_of", "tradeoff_figure", "tradeoffs"]

_COSTLY = (
    "latency",
    "param",
    "flops",
    "mac",
    "memory",
    "size",
    "energy",
    "bytes",
    "_ms",
    "seconds",
)
_MOST = 4


@dataclass(frozen=True)
class Cost:
    """Something to be kept small: its name, and its value for each completed trial, NaN unknown.

    A further objective may be one to be kept large instead.
    """

    name: str
    values: np.ndarray
    mode: Mode = "min"


def costs_of(history: History, axes: Sequence[Objective]) -> list[Cost]:
    """The further objectives, then metrics that name a cost, then time."""
    trials = history.completed
    costs = [
        Cost(axis.name, np.array([values_of(trial, axes)[index] for trial in trials]), axis.mode)
        for index, axis in enumerate(axes)
        if index
    ]
    taken = {axis.name for axis in axes}
    names = dict.fromkeys(name for trial in trials for name in _metrics(trial))
    for name in names:
        if name not in taken and any(word in name.lower() for word in _COSTLY):
            costs.append(Cost(name, np.array([_metrics(t).get(name, math.nan) for t in trials])))
    seconds = np.array([t.outcome.measurement.seconds for t in trials])  # type: ignore[union-attr]
    if seconds.any():
        costs.append(Cost("seconds of the trial", seconds))
    return [cost for cost in costs if np.isfinite(cost.values).any()][:_MOST]


def front_of(costs: np.ndarray, rewards: np.ndarray) -> np.ndarray:
    """Indices of the points that none beats in both, by rising cost. O(n log n)."""
    order = np.lexsort((-rewards, costs))
    order = order[np.isfinite(costs[order])]
    best = np.maximum.accumulate(np.concatenate([[-np.inf], rewards[order][:-1]]))
    front: np.ndarray = order[rewards[order] > best[: len(order)]]
    return front


def tradeoff_figure(history: History, cost: Cost, first: Objective) -> go.Figure:
    """Every completed trial, and the front between `cost` and the reward."""
    import plotly.graph_objects as go

    scores = np.array(history.rewards)
    numbers = np.array([trial.number for trial in history.completed])
    front = front_of(cost.values if cost.mode == "min" else -cost.values, scores)
    rewards = scores if first.mode == "max" else -scores
    points = go.Scattergl if len(rewards) > MANY_POINTS else go.Scatter
    figure = go.Figure()
    figure.add_trace(
        points(
            x=cost.values,
            y=rewards,
            mode="markers",
            marker={"color": BLUE, "size": 6, "opacity": 0.45},
            customdata=numbers,
            hovertemplate="trial %{customdata}<br>%{x:.5g}, %{y:.5g}<extra></extra>",
            name="trial",
        )
    )
    figure.add_scatter(
        x=cost.values[front],
        y=rewards[front],
        mode="lines+markers",
        line={"color": GREEN, "shape": "hv", "width": 2},
        marker={"size": 9},
        customdata=numbers[front],
        text=[safe(repr(history.completed[index].architecture))[:200] for index in front],
        hovertemplate="trial %{customdata}<br>%{x:.5g}, %{y:.5g}<br>%{text}<extra></extra>",
        name=f"Pareto front ({len(front)})",
    )
    known = cost.values[np.isfinite(cost.values)]
    wide = known.min() > 0 and known.max() / known.min() > 30
    figure.update_xaxes(type="log" if wide else "linear")
    return styled(figure, cost.name, first.name, height=360, clickmode="event")


def tradeoffs(view: SearchView) -> list[Drawing]:
    """A drawing a cost that the trials measured."""
    words = (
        "On the green line is every trial that no other one beats in both; all others are "
        "dominated."
    )
    first = view.axes[0]
    return [
        Drawing(
            f"tradeoff_{index}",
            f"Score against {cost.name}",
            f"{_better(cost, first)} is better. {words}",
            tradeoff_figure(view.history, cost, first),
            wide=False,
        )
        for index, cost in enumerate(costs_of(view.history, view.axes))
    ]


def _better(cost: Cost, first: Objective) -> str:
    up = "Up" if first.mode == "max" else "Down"
    return f"{up} and to the {'left' if cost.mode == 'min' else 'right'}"


def _metrics(trial: Trial) -> dict[str, float]:
    measurement = getattr(trial.outcome, "measurement", None)
    return dict(measurement.metrics) if measurement else {}
