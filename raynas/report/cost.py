"""What the search has cost, what it may still cost, and what was planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raynas.analysis.search_view import SearchView
from raynas.report.figure_style import AMBER, BLUE, Drawing, styled
from raynas.report.markup import Tag, table, tag
from raynas.stopping.budgets import active_seconds
from raynas.trials import History
from raynas.wording import duration

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Spent", "cost_drawings", "cost_nodes", "spent"]

_HOUR = 3600.0  # seconds


@dataclass(frozen=True)
class Spent:
    """What a history has cost.

    Attributes:
        trials: Trials that ended.
        active: Seconds of wall time with at least one trial running.
        busy: Seconds of all trials, those in flight too, added up.
        mean: Seconds of an ended trial.
        reserved: Hours of each reserved resource, such as GPU hours.
    """

    trials: int
    active: float
    busy: float
    mean: float
    reserved: Mapping[str, float]


def spent(history: History, reserved: Mapping[str, float], now: float) -> Spent:
    """What `history` has cost up to `now`, each trial reserving `reserved`.

    Only a trial's latest run counts: an earlier one that a crash cut short left no record.
    """
    ended = [trial.ended - trial.started for trial in history if trial.ended is not None]
    busy = sum(ended) + sum(max(0.0, now - trial.started) for trial in history.running)
    return Spent(
        trials=len(ended),
        active=active_seconds(history, now),
        busy=busy,
        mean=sum(ended) / len(ended) if ended else 0.0,
        reserved={name: busy / _HOUR * amount for name, amount in reserved.items() if amount},
    )


def cost_nodes(view: SearchView) -> list[Tag]:
    """A table of what was spent, beside the plan where there is one."""
    now = spent(view.history, view.reserved, view.time_reached)
    plan = view.prediction
    rows = [
        ["trials ended", f"{now.trials:,}", f"{plan.trials:,}" if plan else ""],
        ["mean of a trial", duration(now.mean), duration(plan.seconds) if plan else ""],
        [
            "wall time with trials running",
            duration(now.active),
            duration(plan.trials * plan.seconds / plan.parallel) if plan else "",
        ],
        [
            "all trials together",
            duration(now.busy),
            duration(plan.trials * plan.seconds) if plan else "",
        ],
    ]
    for name, hours in now.reserved.items():
        planned = plan.trials * plan.seconds / _HOUR * view.reserved[name] if plan else 0.0
        rows.append([f"{name} hours", f"{hours:,.3g}", f"{planned:,.3g}" if plan else ""])
    left = max(0, (view.limit or 0) - now.trials)
    if left and now.trials and now.active:
        rows.append(
            ["to the trial limit, at this pace", duration(left * now.active / now.trials), ""]
        )
    head = ("", "so far", "planned") if plan else ("", "so far")
    nodes = [table(head, [row[: len(head)] for row in rows], numeric=(1, 2))]
    if plan:
        nodes.append(tag("p", f"The plan: {plan.words}"))
    return nodes


def cost_drawings(view: SearchView) -> list[Drawing]:
    """Trial hours against trials ended, with the plan's line where there is one."""
    if not view.history.ended:
        return []
    words = "The steeper, the longer trials took."
    if view.prediction:
        words += " The dashed line is the plan."
    return [Drawing("cost", "Cost as the search went on", words, _figure(view), wide=False)]


def _figure(view: SearchView) -> go.Figure:
    import plotly.graph_objects as go

    ended = sorted(view.history.ended, key=lambda trial: trial.ended or 0.0)
    hours = np.cumsum([(trial.ended or 0.0) - trial.started for trial in ended]) / _HOUR
    count = np.arange(1, len(ended) + 1)
    step = max(1, len(ended) // 500)
    figure = go.Figure()
    figure.add_scatter(
        x=count[::step],
        y=hours[::step],
        mode="lines",
        line_color=BLUE,
        hovertemplate="trials ended: %{x}; %{y:.3g} h<extra></extra>",
        name="spent",
    )
    if plan := view.prediction:
        figure.add_scatter(
            x=[0, plan.trials],
            y=[0, plan.trials * plan.seconds / _HOUR],
            mode="lines",
            line={"color": AMBER, "dash": "dash"},
            name="planned",
        )
    return styled(figure, "trials ended", "hours of all trials", height=320)
