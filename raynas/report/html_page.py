"""The report as one HTML page that needs no network and no other file."""

from __future__ import annotations

import json
from importlib import resources

from raynas.analysis.search_view import SearchView
from raynas.report.figure_style import Drawing
from raynas.report.markup import Node, Tag, tag, to_html
from raynas.report.sections import Section, sections
from raynas.wording import moment

__all__ = ["CONFIG", "page", "page_of", "style_sheet"]

CONFIG = {"responsive": True, "displayModeBar": False}
"""How plotly shows a figure, here and in the dashboard."""

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "img-src data: blob:; form-action 'none'; base-uri 'none'"
)
_SCRIPT = """
const figures = JSON.parse(document.getElementById('figures').textContent);
const config = JSON.parse(document.getElementById('config').textContent);
const touch = matchMedia('(pointer: coarse)').matches;
const draw = new IntersectionObserver(entries => entries.forEach(entry => {
  if (!entry.isIntersecting) return;
  draw.unobserve(entry.target);
  const figure = figures[entry.target.id];
  if (touch) figure.layout.dragmode = false;  // so that a finger scrolls the page
  Plotly.newPlot(entry.target, figure.data, figure.layout, config);
}), {rootMargin: '600px'});
document.querySelectorAll('.figure').forEach(element => draw.observe(element));
addEventListener('beforeprint', () => document.querySelectorAll('.figure:empty').forEach(e =>
  Plotly.newPlot(e, figures[e.id].data, figures[e.id].layout, config)));
try {
  const theme = localStorage.getItem('raynas-theme');
  if (theme) document.documentElement.dataset.theme = theme;
} catch (error) {}  // where the browser stores nothing
document.getElementById('theme').addEventListener('click', () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  try { localStorage.setItem('raynas-theme', root.dataset.theme); } catch (error) {}
});
"""


def style_sheet() -> str:
    """The style sheet of the page, which the dashboard uses too."""
    return resources.files("raynas.report").joinpath("assets/raynas.css").read_text("utf-8")


def page(view: SearchView, parts: list[Section] | None = None) -> str:
    """The whole report as HTML text, about 5 MB, nearly all of which is plotly itself.

    Args:
        view: What to report.
        parts: Sections of the page, if they were made already.
    """
    words = f"Search report of {moment(view.now, to='minutes')}"
    parts = sections(view) if parts is None else parts
    title = f"{view.name}: search report"
    return page_of(title, view.name, words, parts)


def page_of(title: str, heading: str, words: str, parts: list[Section]) -> str:
    """A page like the report, of any parts.

    Args:
        title: Title that the browser shows.
        heading: Heading at the top of the page.
        words: Below that.
        parts: What it shows.
    """
    from plotly.offline import get_plotlyjs

    figures: dict[str, str] = {}
    body = [
        _header(heading, words, parts),
        tag("main", *(_section(part, figures) for part in parts)),
    ]
    data = ",".join(f"{json.dumps(key)}:{text}" for key, text in figures.items())
    return "".join(
        (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            to_html(tag("title", title)),
            f"<style>{style_sheet()}</style>",
            f"<script>{get_plotlyjs()}</script></head><body>",
            *map(to_html, body),
            f'<script type="application/json" id="config">{json.dumps(CONFIG)}</script>',
            f'<script type="application/json" id="figures">{{{_harmless(data)}}}</script>',
            f"<script>{_SCRIPT}</script></body></html>\n",
        )
    )


def _header(heading: str, words: str, parts: list[Section]) -> Tag:
    return tag(
        "header",
        tag(
            "div",
            tag("h1", heading),
            tag("button", "light / dark", id="theme", type="button"),
            class_="headline",
        ),
        tag("p", words, class_="words"),
        tag("nav", *(tag("a", part.title, href=f"#{part.key}") for part in parts)),
    )


def _section(part: Section, figures: dict[str, str]) -> Tag:
    """`part` as an element; its figures are put into `figures` as JSON."""
    nodes: list[Node] = [tag("h2", part.title)]
    grid: list[Node] = []
    for block in part.blocks:
        if isinstance(block, Drawing) and not block.wide:
            grid.append(_figure(block, figures))
            continue
        nodes += [tag("div", *grid, class_="grid")] if grid else []
        grid = []
        nodes.append(_figure(block, figures) if isinstance(block, Drawing) else block)
    nodes += [tag("div", *grid, class_="grid")] if grid else []
    return tag("section", *nodes, id=part.key)


def _figure(drawing: Drawing, figures: dict[str, str]) -> Tag:
    key = f"figure-{drawing.key}"
    figures[key] = drawing.figure.to_json()
    text: list[Node] = [tag("h3", drawing.title)] if drawing.title else []
    text += [tag("p", drawing.words, class_="words")] if drawing.words else []
    height = f"min-height:{drawing.figure.layout.height}px"
    return tag("figure", *text, tag("div", class_="figure", id=key, style=height))


def _harmless(data: str) -> str:
    """JSON text that cannot end the script element that it stands in."""
    return data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
