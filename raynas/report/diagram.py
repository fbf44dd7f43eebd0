"""An architecture drawn: boxes in the order in which data flow, and its graphs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from raynas.report.figure_style import BLUE, GRAY, safe, styled
from raynas.report.markup import Node, Tag, tag
from raynas.space.encoding import Graph, graphs

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["graph_figure", "graphs_of", "layers_of", "nested_boxes"]

_TIMES = "\N{MULTIPLICATION SIGN}"


def nested_boxes(architecture: Any) -> Tag:
    """`architecture` as nested boxes.

    A class is a box, its plain fields are chips in its head, its tuples rows of boxes joined by
    arrows. Equal neighbors are drawn once, with their number.
    """
    return _box(architecture)


def graphs_of(architecture: Any) -> tuple[Graph, ...]:
    """The different graphs that `architecture` and its parts give."""
    return tuple(dict.fromkeys(graphs(architecture)))


def _box(value: Any, times: int = 1) -> Tag:
    plain: list[tuple[str, Any]] = []
    parts: list[tuple[str, Any]] = []
    for name, inner in _fields(value):
        (parts if _has_parts(inner) else plain).append((name, inner))
    head: list[Node] = [tag("b", type(value).__name__)]
    head += [
        tag("span", f"{name} ", tag("i", _plain(inner)), class_="chip") for name, inner in plain
    ]
    if times > 1:
        head.append(tag("span", f"{_TIMES} {times}", class_="times"))
    rows = [_row(name, inner) for name, inner in parts]
    return tag("div", tag("div", *head, class_="head"), *rows, class_="box")


def _row(name: str, value: Any) -> Tag:
    items = value if isinstance(value, tuple) else (value,)
    boxes: list[Node] = []
    for item, run in groupby(items):
        if boxes:
            boxes.append(tag("span", "→", class_="arrow"))
        times = len(list(run))
        boxes.append(_box(item, times) if _is_record(item) else _chip(item, times))
    return tag(
        "div", tag("span", name, class_="field"), tag("div", *boxes, class_="flow"), class_="row"
    )


def _chip(value: Any, times: int) -> Tag:
    shown = _plain(value) + (f" {_TIMES} {times}" if times > 1 else "")
    return tag("span", tag("i", shown), class_="chip")


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    if _is_record(value):
        for field in dataclasses.fields(value):
            yield field.name, getattr(value, field.name)


def _is_record(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _has_parts(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(_is_record(item) for item in value) or len(value) > 3
    return _is_record(value)


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_plain, value)) or "none"
    return value if isinstance(value, str) else f"{value:g}" if _is_float(value) else repr(value)


def _is_float(value: Any) -> bool:
    return isinstance(value, float)


def layers_of(graph: Graph) -> list[int]:
    """Length of the longest path to each node, which is the column it is drawn in.

    Nodes are numbered in topological order, which saves a graph library.
    """
    layers = [0] * len(graph.labels)
    for start, end in sorted(graph.edges, key=lambda edge: edge[0]):
        layers[end] = max(layers[end], layers[start] + 1)
    layers[-1] = max(layers)
    return layers


def graph_figure(graph: Graph) -> go.Figure:
    """A directed graph, from left to right in layers; nodes that lead nowhere are gray."""
    import plotly.graph_objects as go

    places = _places(layers_of(graph))
    figure = go.Figure()
    for start, end in graph.edges:
        figure.add_annotation(
            x=places[end][0],
            y=places[end][1],
            ax=places[start][0],
            ay=places[start][1],
            xref="x",
            yref="y",
            axref="x",
            ayref="y",
            text="",
            showarrow=True,
            arrowhead=2,
            arrowwidth=1.3,
            arrowcolor=GRAY,
            standoff=14,
            startstandoff=12,
        )
    used = _between_ends(graph)
    figure.add_scatter(
        x=[x for x, _ in places],
        y=[y for _, y in places],
        mode="markers+text",
        marker={
            "size": 20,
            "color": [BLUE if node in used else GRAY for node in range(len(places))],
        },
        text=[safe(label) for label in graph.labels],
        textposition="bottom center",
        hoverinfo="text",
        showlegend=False,
    )
    styled(figure, "", "", height=240, margin={"l": 40, "r": 40, "t": 10, "b": 10})
    low, high = min(y for _, y in places), max(y for _, y in places)
    figure.update_yaxes(visible=False, range=[low - 0.8, high + 0.5])
    return figure.update_xaxes(visible=False)


def _places(layers: Sequence[int]) -> list[tuple[float, float]]:
    """Positions of nodes: their layer across, and spread evenly around 0 within it."""
    places = []
    for node, layer in enumerate(layers):
        peers = [other for other, place in enumerate(layers) if place == layer]
        shift = 0.25 * (layer % 2) if len(peers) == 1 and 0 < layer < max(layers) else 0.0
        places.append((float(layer), (len(peers) - 1) / 2 - peers.index(node) + shift))
    return places


def _between_ends(graph: Graph) -> set[int]:
    """The nodes on some path from the input to the output."""
    after, before = {0}, {len(graph.labels) - 1}
    for start, end in sorted(graph.edges):
        if start in after:
            after.add(end)
    for start, end in sorted(graph.edges, key=lambda edge: -edge[1]):
        if end in before:
            before.add(start)
    return after & before
