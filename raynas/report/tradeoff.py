"""Score against what an architecture costs, and the trials that no other one beats in both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raynas.analysis.fronts import values_of
from raynas.analysis.search_view import SearchView
from raynas.objective import Mode, Objective
from raynas.report.figure_style import BLUE, GREEN, MANY_POINTS, Drawing, safe, styled
from raynas.trials import History, Trial

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
_MOST = 4  # figures: one for each cost


@dataclass(frozen=True)
class Cost:
    """What is set against the score.

    Attributes:
        name: Name of a metric.
        values: Value for each completed trial; NaN where it is unknown.
        mode: Whether less or more of it is better.
    """

    name: str
    values: np.ndarray
    mode: Mode = "min"

    @property
    def price(self) -> np.ndarray:
        """The values, negated where more is better: what is to be kept small."""
        return self.values if self.mode == "min" else -self.values


def costs_of(history: History, objectives: Sequence[Objective]) -> list[Cost]:
    """The further objectives, then metrics that name a cost, then time."""
    trials = history.completed
    costs = [
        Cost(
            objective.name,
            np.array([values_of(trial, objectives)[index] for trial in trials]),
            objective.mode,
        )
        for index, objective in enumerate(objectives)
        if index
    ]
    taken = {objective.name for objective in objectives}
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


def tradeoff_figure(history: History, cost: Cost) -> go.Figure:
    """Every completed trial, and the front between `cost` and the reward."""
    import plotly.graph_objects as go

    objective, rewards = history.objective, np.array(history.rewards)
    figures = np.array([objective.figure(reward) for reward in history.rewards])
    numbers = np.array([trial.number for trial in history.completed])
    front = front_of(cost.price, rewards)
    points = go.Scattergl if len(rewards) > MANY_POINTS else go.Scatter
    figure = go.Figure()
    figure.add_trace(
        points(
            x=cost.values,
            y=figures,
            mode="markers",
            marker={"color": BLUE, "size": 6, "opacity": 0.45},
            customdata=numbers,
            hovertemplate="trial %{customdata}<br>%{x:.5g}, %{y:.5g}<extra></extra>",
            name="trial",
        )
    )
    figure.add_scatter(
        x=cost.values[front],
        y=figures[front],
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
    return styled(figure, cost.name, objective.axis, height=360, clickmode="event")


def tradeoffs(view: SearchView) -> list[Drawing]:
    """A drawing a cost that the trials measured."""
    up = "Up" if view.history.objective.mode == "max" else "Down"
    words = (
        "{} and to the {} is better. On the green line is every trial that no other one beats in "
        "both; the others are dominated."
    )
    return [
        Drawing(
            f"tradeoff_{index}",
            f"Score against {cost.name}",
            words.format(up, "left" if cost.mode == "min" else "right"),
            tradeoff_figure(view.history, cost),
            wide=False,
        )
        for index, cost in enumerate(costs_of(view.history, view.objectives))
    ]


def _metrics(trial: Trial) -> dict[str, float]:
    measurement = getattr(trial.outcome, "measurement", None)
    return dict(measurement.metrics) if measurement else {}
