"""Score against what an architecture costs, and the trials that no other one beats in both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raynas.analysis.fronts import values_of
from raynas.analysis.full_training import label_of, trial_numbers
from raynas.analysis.search_view import SearchView
from raynas.analysis.units import base_unit, is_interval_end
from raynas.objective import Mode, Objective
from raynas.report.figure_style import AMBER, BLUE, GREEN, MANY_POINTS, Drawing, safe, styled
from raynas.trials import Architecture, History, Trial

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
_IN_FULL = "Diamonds are full trainings; on the amber line are those that no other one beats."


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


@dataclass(frozen=True)
class FullTrainings:
    """The trials of stage 2 in a figure.

    Attributes:
        history: All of them.
        cost: What is set against their score.
        numbers: The search's number for each architecture.
    """

    history: History
    cost: Cost
    numbers: Mapping[Architecture, int]

    def label(self, trial: Trial) -> str:
        """Which architecture a full training is of."""
        return label_of(self.numbers.get(trial.architecture), trial.number)


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
        if name in taken or is_interval_end(name, names):
            continue
        if any(word in name.lower() for word in _COSTLY):
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


def tradeoff_figure(history: History, cost: Cost, full: FullTrainings | None = None) -> go.Figure:
    """Every completed trial, and the front between `cost` and the reward.

    With `full`, also every full training and the front of these.
    """
    import plotly.graph_objects as go

    objective, rewards = history.objective, np.array(history.rewards)
    figures = np.array([objective.figure(reward) for reward in history.rewards])
    numbers = np.array([trial.number for trial in history.completed])
    front, at = front_of(cost.price, rewards), _at(cost)
    points = go.Scattergl if len(rewards) > MANY_POINTS else go.Scatter
    figure = go.Figure()
    figure.add_trace(
        points(
            x=cost.values,
            y=figures,
            mode="markers",
            marker={"color": BLUE, "size": 6, "opacity": 0.45},
            customdata=numbers,
            hovertemplate=f"trial %{{customdata}}<br>{at}<extra></extra>",
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
        hovertemplate=f"trial %{{customdata}}<br>{at}<br>%{{text}}<extra></extra>",
        name=f"Pareto front ({len(front)})",
    )
    if full is not None:
        _add_full(figure, full)
    known = cost.values[np.isfinite(cost.values)]
    wide = known.min() > 0 and known.max() / known.min() > 30
    figure.update_xaxes(type="log" if wide else "linear")
    if unit := base_unit(cost.name):
        figure.update_xaxes(tickformat="~s", ticksuffix=unit)
    return styled(figure, cost.name, objective.axis, height=360, clickmode="event")


def _at(cost: Cost) -> str:
    """Cost and score of a point under the pointer."""
    unit = base_unit(cost.name)
    return (f"%{{x:.4~s}}{unit}" if unit else "%{x:.5g}") + ", %{y:.5g}"


def _add_full(figure: go.Figure, full: FullTrainings) -> None:
    """Full trainings as diamonds, those of the front connected."""
    history, cost = full.history, full.cost
    figures = np.array([history.objective.figure(reward) for reward in history.rewards])
    texts = np.array([safe(full.label(trial)) for trial in history.completed])
    front = front_of(cost.price, np.array(history.rewards))
    others = np.setdiff1d(np.arange(len(figures)), front)
    kinds = (
        (others, {"mode": "markers"}, f"full training ({len(others)})"),
        (
            front,
            {"mode": "lines+markers", "line": {"color": AMBER, "shape": "hv", "width": 2}},
            f"front in full ({len(front)})",
        ),
    )
    for chosen, style, name in kinds:
        if len(chosen):
            figure.add_scatter(
                x=cost.values[chosen],
                y=figures[chosen],
                marker={"color": AMBER, "symbol": "diamond", "size": 9},
                text=texts[chosen],
                hovertemplate=f"%{{text}}<br>{_at(cost)}<extra></extra>",
                name=name,
                **style,
            )


def full_of(view: SearchView, cost: Cost) -> FullTrainings | None:
    """The full trainings that measured `cost`; None where none did."""
    if view.full is None or not view.full.completed:
        return None
    found = {one.name: one for one in costs_of(view.full, view.objectives)}
    numbers = trial_numbers(view.history)
    same = found.get(cost.name)
    return None if same is None else FullTrainings(view.full, same, numbers)


def tradeoffs(view: SearchView) -> list[Drawing]:
    """A drawing a cost that the trials measured."""
    up = "Up" if view.history.objective.mode == "max" else "Down"
    words = (
        "{} and to the {} is better. On the green line is every trial that no other one beats in "
        "both; the others are dominated."
    )
    drawings = []
    for index, cost in enumerate(costs_of(view.history, view.objectives)):
        full = full_of(view, cost)
        side = words.format(up, "left" if cost.mode == "min" else "right")
        drawings.append(
            Drawing(
                f"tradeoff_{index}",
                f"Score against {cost.name}",
                side if full is None else f"{side} {_IN_FULL}",
                tradeoff_figure(view.history, cost, full),
                wide=False,
            )
        )
    return drawings


def _metrics(trial: Trial) -> dict[str, float]:
    measurement = getattr(trial.outcome, "measurement", None)
    return dict(measurement.metrics) if measurement else {}
