"""The best architectures, as a table and drawn."""

from __future__ import annotations

from raynas.analysis.search_view import SearchView
from raynas.report.diagram import graph_figure, graphs_of, nested_boxes
from raynas.report.figure_style import Drawing
from raynas.report.fronts import front_trials, knee_of, values_of
from raynas.report.markup import Node, Tag, number, table, tag
from raynas.report.units import quantity
from raynas.rewards import Objective
from raynas.trials import Measurement, Trial

__all__ = ["best_nodes", "drawn_nodes", "front_nodes"]

_METRICS = 4


def best_nodes(view: SearchView, count: int = 10) -> list[Node]:
    """The `count` best: rank, trial, reward, the first metrics, time, architecture."""
    best = view.history.best(count)
    if not best:
        return [tag("p", "No trial has a reward yet.")]
    return [_table(best, view.axes[0])]


def front_nodes(view: SearchView, most: int = 30) -> list[Node]:
    """The front between several objectives; nothing where there is one."""
    if len(view.objectives) < 2 or not view.history.completed:
        return []
    front = front_trials(view.history)
    more = f", of which the {most} of the best {view.axes[0].name} are listed"
    knee = knee_of(front)
    ends = "" if knee is None else f" Its knee is trial {knee.number}."
    nodes: list[Node] = [
        tag("h3", "The front"),
        tag("p", f"{len(front)} trials are on the front{more if len(front) > most else ''}.{ends}"),
        _front_table(front[:most], view, "trial"),
    ]
    if view.full is not None and view.full.completed:
        trained = front_trials(view.full)
        nodes += [
            tag("h3", "The front of the full trainings"),
            tag("p", f"{len(trained)} of {len(view.full.completed)} full trainings are on it."),
            _front_table(trained[:most], view, "full training"),
        ]
    return nodes


def _front_table(front: list[Trial], view: SearchView, kind: str) -> Tag:
    rows: list[list[Node]] = [
        [
            str(trial.number),
            *(
                quantity(a.name, v)
                for a, v in zip(view.axes, values_of(trial, view.axes), strict=True)
            ),
            tag("code", repr(trial.architecture)),
        ]
        for trial in front
    ]
    head = (kind, *(axis.name for axis in view.axes), "architecture")
    return table(head, rows, numeric=tuple(range(len(view.axes) + 1)))


def drawn_nodes(trial: Trial) -> tuple[list[Node], list[Drawing]]:
    """An architecture as boxes, and its graphs as figures."""
    drawings = [
        Drawing(f"graph_{trial.number}_{index}", "", "", graph_figure(graph), wide=False)
        for index, graph in enumerate(graphs_of(trial.architecture))
    ]
    return [tag("div", nested_boxes(trial.architecture), class_="scroll diagram")], drawings


def _table(trials: tuple[Trial, ...], first: Objective) -> Tag:
    metrics = list(dict.fromkeys(name for trial in trials for name in _of(trial).metrics))[
        :_METRICS
    ]
    reward = first.name if first.mode == "min" else "reward"
    head = ("rank", "trial", reward, *metrics, "seconds", "architecture")
    rows: list[list[Node]] = [
        [
            str(rank),
            str(trial.number),
            number(first.value(trial.reward or 0.0)),
            *(quantity(name, _of(trial).metrics.get(name)) for name in metrics),
            number(_of(trial).seconds),
            tag("code", repr(trial.architecture)),
        ]
        for rank, trial in enumerate(trials, 1)
    ]
    return table(head, rows, numeric=tuple(range(len(head) - 1)))


def _of(trial: Trial) -> Measurement:
    measurement: Measurement | None = getattr(trial.outcome, "measurement", None)
    return measurement or Measurement({})
