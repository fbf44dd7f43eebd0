"""A page's text as values, so that escaping happens in one place and two kinds of page can use it.

The report writes it as HTML, the dashboard makes Dash components of it. Whatever a user typed is
a plain `str` child or attribute value here and cannot become markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, TypeAlias

__all__ = ["Node", "Tag", "number", "table", "tag", "to_html"]

_VOID = frozenset({"br", "col", "hr"})


@dataclass(frozen=True)
class Tag:
    """An HTML element.

    Attributes:
        name: Name of the element, such as ``"p"``.
        children: What it holds: text, to be escaped, and elements.
        attributes: Attributes by their HTML names; values are escaped.
    """

    name: str
    children: tuple[Node, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)


Node: TypeAlias = Tag | str


def tag(name: str, *children: Node, **attributes: str) -> Tag:
    """An element; ``class_="x"`` gives it a class."""
    return Tag(name, children, {key.rstrip("_"): value for key, value in attributes.items()})


def table(head: Sequence[str], rows: Iterable[Sequence[Node]], numeric: Sequence[int] = ()) -> Tag:
    """A table that scrolls sideways on a narrow screen.

    Args:
        head: The columns' titles.
        rows: Rows with as many cells as the header.
        numeric: Indices of the columns to align right.
    """

    def cell(name: str, index: int, child: Node) -> Tag:
        return tag(name, child, class_="number") if index in numeric else tag(name, child)

    body = [tag("tr", *(cell("td", i, child) for i, child in enumerate(row))) for row in rows]
    titles = tag("tr", *(cell("th", i, title) for i, title in enumerate(head)))
    whole = tag("table", tag("thead", titles), tag("tbody", *body))
    return tag("div", whole, class_="scroll")


def to_html(node: Node) -> str:
    """`node` as HTML text."""
    if isinstance(node, str):
        return escape(node)
    attributes = "".join(f' {key}="{escape(value)}"' for key, value in node.attributes.items())
    if node.name in _VOID:
        return f"<{node.name}{attributes}>"
    inside = "".join(map(to_html, node.children))
    return f"<{node.name}{attributes}>{inside}</{node.name}>"


def number(value: Any) -> str:
    """A figure for a table: five digits at most, thousands set apart where it is large."""
    if value is None:
        return "-"
    whole = isinstance(value, int) or (abs(value) >= 1000 and float(value).is_integer())
    return f"{value:,.0f}" if whole and abs(value) < 1e12 else f"{value:.5g}"
