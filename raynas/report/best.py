"""The best architectures, as a table and drawn."""

from __future__ import annotations

from raynas.analysis.fronts import front_trials, knee_of, values_of
from raynas.analysis.full_training import FULL, Row, measured_again, rows_of
from raynas.analysis.saved_results import load
from raynas.analysis.search_view import SearchView
from raynas.analysis.units import is_interval_end, quantity
from raynas.objective import Objective
from raynas.report.diagram import graph_figure, graphs_of, nested_boxes
from raynas.report.figure_style import Drawing
from raynas.report.markup import Node, Tag, number, table, tag
from raynas.trials import Measurement, Trial
from raynas.wording import counted

__all__ = ["best_nodes", "drawn_nodes", "front_nodes", "full_nodes"]

_METRICS = 4  # columns that fit a page


def best_nodes(view: SearchView, count: int = 10) -> list[Node]:
    """The `count` best: rank, trial, budget where there are several, reward, metrics, time."""
    best = view.history.best(count)
    if not best:
        return [tag("p", "No trial has a reward yet.")]
    budgets = ("budget",) if view.history.comparable is not view.history else ()
    return [_table(best, view.history.objective, budgets)]


def front_nodes(view: SearchView, most: int = 30) -> list[Node]:
    """The front between several objectives; nothing where there is one."""
    if len(view.objectives) < 2 or not view.history.completed:
        return []
    front = front_trials(view.history)
    more = f"; listed are the {most} of best {view.objectives[0].name}" if len(front) > most else ""
    knee = knee_of(front)
    ends = "" if knee is None else f" Its knee is trial {knee.number}."
    nodes: list[Node] = [
        tag("h3", "The front"),
        tag("p", f"On the front: {counted(len(front), 'trial')}{more}.{ends}"),
        _front_table(front[:most], view),
    ]
    return [*nodes, *_full_front_nodes(view)]


def _full_front_nodes(view: SearchView) -> list[Node]:
    """The front of the full trainings, beside what the search measured; nothing without one."""
    if len(view.objectives) < 2 or view.full is None or not view.full.completed:
        return []
    rows = rows_of(view.full, view.history)
    front = [row for row in rows if row.dominated_by is None]
    counts = f"{len(front)} of {counted(len(rows), 'architecture')} trained in full are on it"
    words = f"{counts}. Behind each figure is the search's, of the trial with that number."
    head = ("trial", *(f"{one.name} in full" for one in view.objectives), "runs", "architecture")
    cells = [_full_row(row, view) for row in front]
    return [
        tag("h3", "The front of the full trainings"),
        tag("p", words),
        table(head, cells, numeric=tuple(range(len(head) - 1))),
        *(
            tag("p", str(again), class_="words")
            for again in measured_again(view.full, view.history, view.objectives)
        ),
    ]


def _full_row(row: Row, view: SearchView) -> list[Node]:
    tried = None if row.search_trial is None else view.history[row.search_trial]
    before = () if tried is None else values_of(tried, view.objectives)
    figures = []
    for place, objective in enumerate(view.objectives):
        full = quantity(objective.name, objective.figure(row.objectives[place]))
        known = f" ({quantity(objective.name, before[place])})" if place < len(before) else ""
        figures.append(f"{full}{known}")
    number = "" if row.search_trial is None else str(row.search_trial)
    return [
        number,
        *figures,
        str(len(row.trainings)),
        tag("code", repr(row.architecture), class_="architecture"),
    ]


def _front_table(front: list[Trial], view: SearchView) -> Tag:
    rows: list[list[Node]] = [
        [
            str(trial.number),
            *(
                quantity(o.name, v)
                for o, v in zip(view.objectives, values_of(trial, view.objectives), strict=True)
            ),
            tag("code", repr(trial.architecture), class_="architecture"),
        ]
        for trial in front
    ]
    head = ("trial", *(objective.name for objective in view.objectives), "architecture")
    return table(head, rows, numeric=tuple(range(len(view.objectives) + 1)))


def full_nodes(view: SearchView) -> list[Node]:
    """The table that `raynas train` keeps of the full trainings; nothing where there is none."""
    if view.folder is None:
        return []
    kept = load(view.folder.with_name(view.folder.name + FULL) / "full.json") or {}
    found = kept.get("rows")
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    shown: list[list[Node]] = [
        [
            "" if row.get("search_trial") is None else str(row["search_trial"]),
            *(_figure(row.get(key)) for key in ("stage1", "mean", "interval")),
            f"{row['gain']:+.5g}" if isinstance(row.get("gain"), int | float) else "",
            "baseline" if row.get("is_baseline") else "",
            tag("code", _as_call(row.get("architecture")), class_="architecture"),
        ]
        for row in rows
    ]
    head = ("trial", "in the search", "in full", "± 95 %", "vs baseline", "", "architecture")
    words = f"Figures are {view.history.objective.axis}."
    return [tag("p", words), table(head, shown, numeric=tuple(range(5)))] if shown else []


def _as_call(data: object) -> str:
    """JSON data of an architecture as its class prints it; the class itself may not be at hand."""
    if isinstance(data, dict):
        fields = (f"{name}={_as_call(value)}" for name, value in data.items() if name != "class")
        return f"{data.get('class', '')}({', '.join(fields)})"
    if isinstance(data, list):
        return f"({', '.join(map(_as_call, data))}{',' * (len(data) == 1)})"
    return repr(data)


def _figure(value: object) -> str:
    return number(float(value)) if isinstance(value, int | float) else ""


def drawn_nodes(trial: Trial) -> tuple[list[Node], list[Drawing]]:
    """An architecture as boxes, and its graphs as figures."""
    drawings = [
        Drawing(f"graph_{trial.number}_{index}", "", "", graph_figure(graph), wide=False)
        for index, graph in enumerate(graphs_of(trial.architecture))
    ]
    return [tag("div", nested_boxes(trial.architecture), class_="scroll diagram")], drawings


def _table(trials: tuple[Trial, ...], objective: Objective, budgets: tuple[str, ...]) -> Tag:
    names = dict.fromkeys(name for trial in trials for name in _of(trial).metrics)
    others = (n for n in names if n != objective.name and not is_interval_end(n, names))
    metrics = list(others)[:_METRICS]
    head = ("rank", "trial", *budgets, objective.name, *metrics, "seconds", "architecture")
    rows: list[list[Node]] = [
        [
            str(rank),
            str(trial.number),
            *(number(trial.budget) for _ in budgets),
            number(objective.figure(trial.reward or 0.0)),
            *(quantity(name, _of(trial).metrics.get(name)) for name in metrics),
            number(_of(trial).seconds),
            tag("code", repr(trial.architecture), class_="architecture"),
        ]
        for rank, trial in enumerate(trials, 1)
    ]
    return table(head, rows, numeric=tuple(range(len(head) - 1)))


def _of(trial: Trial) -> Measurement:
    measurement: Measurement | None = getattr(trial.outcome, "measurement", None)
    return measurement or Measurement({})
