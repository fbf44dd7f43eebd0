"""The live page: the report's parts, a table of all trials and a page a trial, on Dash."""

from __future__ import annotations

import inspect
import re
from collections.abc import Set
from importlib import resources
from typing import TYPE_CHECKING, Any

from raynas.dashboard.follower import Changes, Follower
from raynas.errors import RaynasError
from raynas.report.figure_style import Drawing
from raynas.report.html_page import CONFIG
from raynas.report.markup import Node
from raynas.report.sections import SECTIONS
from raynas.report.trial_page import trial_blocks
from raynas.trials import History

if TYPE_CHECKING:
    from dash import Dash

__all__ = ["dashboard"]

_EVERY_MS = 2000  # as often as a person looks; benchmarks/dashboard.py measures what it costs
_PLOTLY = "/_dash-component-suites/plotly/package_data/plotly.min.js"
"""Dash asks for it only once the first figure is there; asked for at once, it is ready by then."""
_TRIALS = "/trials"
_TRIAL = re.compile(r"/trial/(\d{1,9})")
_FIGURE = {
    "function": "params.value == null ? '' : "
    "d3.format(params.value >= 10000 ? ',.0f' : Math.abs(params.value) < 0.001 ? '.3~g' : ',.5~g')"
    "(params.value)"
}
_COMPARED = {"valueFormatter": _FIGURE, "comparator": {"function": "raynasBlanksLast"}}
"""A column of figures; see assets/dashAgGridFunctions.js."""
_NUMBER = {"field": "number", "headerName": "trial", "width": 90}
_COLUMNS: tuple[dict[str, Any], ...] = (
    {"field": "outcome", "width": 125, "filter": True},
    {"field": "seconds", "width": 110, **_COMPARED},
    {"field": "parameters", "width": 125, **_COMPARED},
    {"field": "architecture", "flex": 2, "minWidth": 260, "filter": True},
    {"field": "reason", "flex": 1, "minWidth": 140, "filter": True},
)
_GRID = {
    "pagination": True,
    "paginationPageSize": 50,
    "paginationPageSizeSelector": [20, 50, 200],
    "enableCellTextSelection": True,
    "ensureDomOrder": True,
}
_SWITCH_THEME = """
function (clicks) {
  try {
    const theme = localStorage.getItem('raynas-theme');
    if (theme) document.documentElement.dataset.theme = theme;
  } catch (error) {}
  if (clicks) {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark'
      : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    try { localStorage.setItem('raynas-theme', root.dataset.theme); } catch (error) {}
  }
  return window.dash_clientside.no_update;
}
"""


def dashboard(follower: Follower, hosts: Set[str]) -> Dash:
    """The page as a Dash app.

    Args:
        follower: Follows the search.
        hosts: What a request may name as its host; others are refused, so that no web page that
            calls this machine by a name of its own can read along.

    Raises:
        RaynasError: Dash is not installed.
    """
    try:
        import dash
        import dash_ag_grid  # noqa: F401 - the table of trials
    except ImportError as error:
        raise RaynasError(
            f"the dashboard needs {error.name}, which is not installed: "
            "pip install 'raynas[dashboard]'"
        ) from None
    name = follower.view().name
    known = inspect.signature(dash.Dash).parameters
    without_tools: dict[str, Any] = {"enable_mcp": False} if "enable_mcp" in known else {}
    with resources.as_file(resources.files("raynas.report") / "assets") as assets:
        app = dash.Dash(
            "raynas",
            title=f"{name}: live",
            update_title="",
            assets_folder=str(assets),
            suppress_callback_exceptions=True,
            **without_tools,
            external_scripts=[{"src": _PLOTLY, "async": "async"}],
        )
    app.layout = _layout(name)
    _guard(app, hosts)
    _answer(app, follower)
    return app


def _layout(name: str) -> Any:
    from dash import dcc, html

    pages = [("/", SECTIONS["overview"]), (_TRIALS, "All trials")]
    pages += [(f"/{key}", title) for key, title in SECTIONS.items() if key != "overview"]
    return html.Div(
        [
            dcc.Location(id="address"),
            dcc.Location(id="go", refresh="callback-nav"),
            dcc.Interval(id="tick", interval=_EVERY_MS),
            dcc.Store(id="shown"),
            html.Div(
                [html.H1(name), html.Button("light / dark", id="theme", type="button")],
                className="headline",
            ),
            html.Nav([dcc.Link(title, href=path) for path, title in pages]),
            html.Main(id="content"),
        ]
    )


def _guard(app: Dash, hosts: Set[str]) -> None:
    from flask import abort, request

    @app.server.before_request  # type: ignore[untyped-decorator]
    def _only_here() -> None:
        if request.host not in hosts:
            abort(403)

    @app.server.after_request  # type: ignore[untyped-decorator]
    def _headers(response: Any) -> Any:
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def _answer(app: Dash, follower: Follower) -> None:
    """What the page asks for, and when."""
    from dash import Input, Output, State, no_update

    app.clientside_callback(  # type: ignore[no-untyped-call]
        _SWITCH_THEME, Output("theme", "title"), Input("theme", "n_clicks")
    )

    @app.callback(
        Output("content", "children"),
        Output("shown", "data"),
        Input("address", "pathname"),
        Input("tick", "n_intervals"),
        State("shown", "data"),
    )
    def _show(path: str | None, _: int | None, shown: str | None) -> Any:
        stamp, make = _page(follower, path or "/")
        return (no_update, no_update) if stamp == shown else (make(), stamp)

    @app.callback(
        Output("trials", "rowTransaction"),
        Output("known", "data"),
        Input("trials-tick", "n_intervals"),
        State("known", "data"),
        prevent_initial_call=True,
    )
    def _rows(_: int, known: str) -> Any:
        changes = follower.changes(known)
        if changes.stamp == known:
            return no_update, no_update
        new = {"update" if changes.all else "add": changes.added}
        return {"update": changes.updated, **new, "async": False}, changes.stamp

    @app.callback(
        Output("go", "pathname"),
        Input("trials", "cellClicked"),
        prevent_initial_call=True,
    )
    def _open_row(clicked: dict[str, Any] | None) -> Any:
        return f"/trial/{int(clicked['rowId'])}" if clicked else no_update

    @app.callback(
        Output("go", "pathname", allow_duplicate=True),
        Input({"figure": "search_curve"}, "clickData"),
        prevent_initial_call=True,
    )
    def _open_point(clicked: dict[str, Any] | None) -> Any:
        return f"/trial/{int(clicked['points'][0]['x'])}" if clicked else no_update


def _page(follower: Follower, path: str) -> tuple[str, Any]:
    """A stamp of what belongs to `path` now, and what makes it."""
    if path == _TRIALS:
        return _TRIALS, lambda: _trials(follower.changes(None), follower.view().history)
    if found := _TRIAL.fullmatch(path):
        return _trial(follower, int(found[1]))
    key = path.strip("/") or "overview"
    if key not in SECTIONS:
        return path, lambda: _components("Nothing here", ["There is no such page."])
    part, stamp = follower.part(key)
    return stamp, lambda: _components(part.title, list(part.blocks))


def _trial(follower: Follower, number: int) -> tuple[str, Any]:
    trial = follower.trial(number)
    title = f"Trial {number}"
    if trial is None:
        return f"no trial {number}", lambda: _components(title, ["There is no such trial yet."])
    return (
        f"trial {number} {trial.started} {trial.ended}",
        lambda: _components(title, trial_blocks(follower.view(), trial)),
    )


def _objective_columns(history: History) -> list[dict[str, Any]]:
    """A column an objective as people read it, sorted by the first; within budgets, if several."""
    objectives = history.shown_as
    shared = {"width": 120, **_COMPARED}
    columns: list[dict[str, Any]] = [
        {"field": f"objective{place}", "headerName": objective.name, **shared}
        for place, objective in enumerate(objectives)
    ]
    columns[0]["sort"] = "desc" if objectives[0].mode == "max" else "asc"
    if history.comparable is history:
        return columns
    columns[0]["sortIndex"] = 1
    budget = {"field": "budget", "width": 110, **_COMPARED}
    return [{**budget, "sort": "desc", "sortIndex": 0}, *columns]


def _trials(changes: Changes, history: History) -> Any:
    import dash_ag_grid as ag
    from dash import dcc, html

    columns = [_NUMBER, *_objective_columns(history), *_COLUMNS]
    return html.Section(
        [
            html.H2("All trials"),
            html.P("Click a heading to sort, a row to open the trial.", className="words"),
            dcc.Store(id="known", data=changes.stamp),
            dcc.Interval(id="trials-tick", interval=_EVERY_MS),
            ag.AgGrid(
                id="trials",
                rowData=list(changes.added),
                columnDefs=[{"headerName": c["field"], **c} for c in columns],
                defaultColDef={"sortable": True, "resizable": True},
                getRowId="params.data.id",
                dashGridOptions=_GRID,
                persistence=True,  # the browser keeps how a user sorts and filters
                persistence_type="local",
                persisted_props=["columnState", "filterModel"],
                style={"height": "70vh"},
            ),
        ]
    )


def _components(title: str, blocks: list[Node | Drawing]) -> Any:
    """A page of Dash components; small figures stand side by side."""
    from dash import html

    children: list[Any] = [html.H2(title)]
    grid: list[Any] = []
    for block in [*blocks, ""]:
        if isinstance(block, Drawing) and not block.wide:
            grid.append(_figure(block))
            continue
        if grid:
            children.append(html.Div(grid, className="grid"))
            grid = []
        children.append(_figure(block) if isinstance(block, Drawing) else _component(block))
    return html.Section(children)


def _figure(drawing: Drawing) -> Any:
    from dash import dcc, html

    drawing.figure.update_layout(uirevision="kept")  # so that a reader's zoom outlives an update
    text: list[Any] = [html.H3(drawing.title)] if drawing.title else []
    text += [html.P(drawing.words, className="words")] if drawing.words else []
    config: Any = CONFIG
    size = {"height": f"{drawing.figure.layout.height}px"}
    graph = dcc.Graph(id={"figure": drawing.key}, figure=drawing.figure, config=config, style=size)
    return html.Figure([*text, graph])


def _component(node: Node) -> Any:
    """`node` as a Dash component; React escapes all text."""
    from dash import html

    if isinstance(node, str):
        return node
    names = {"class": "className"}
    properties = {names.get(key, key): value for key, value in node.attributes.items()}
    make = getattr(html, node.name.capitalize())
    return make([_component(child) for child in node.children], **properties)
