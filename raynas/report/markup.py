"""A page's text as values, so that escaping happens in one place and two kinds of page can use it.

The report writes it as HTML, the dashboard makes Dash components of it. Whatever a user typed is
a plain `str` child or attribute value here and cannot become markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, TypeAlias

__all__ = ["Node", "Tag", "number", "prose", "table", "tag", "to_html"]

_VOID = frozenset({"br", "col", "hr"})
_COMMAND = re.compile(r"`([^`]+)`")
_EXPONENT = re.compile(r"(?<=\de-)(?=\d)")
_NO_BREAK = "\u2060"  # word joiner: browsers break lines after the hyphen of 2.8e-06


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


def prose(text: str) -> tuple[Node, ...]:
    """A sentence whose commands stand between backticks, which a page shows as code."""
    parts = _COMMAND.split(text)
    return tuple(tag("code", part) if i % 2 else part for i, part in enumerate(parts) if part)


def table(head: Sequence[str], rows: Iterable[Sequence[Node]], numeric: Sequence[int] = ()) -> Tag:
    """A table that scrolls sideways on a narrow screen.

    Args:
        head: The columns' titles.
        rows: Rows with as many cells as the header.
        numeric: Indices of the columns to align right.
    """

    def cell(name: str, index: int, child: Node) -> Tag:
        if index in numeric:
            return tag(name, child, class_="number")
        return tag(name, _EXPONENT.sub(_NO_BREAK, child) if isinstance(child, str) else child)

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
