"""Place of a search file's results, read from its text, as running the file takes seconds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Place", "may_have_stages", "place_in"]

_FOLDER = "raynas-results"
_USUAL_NAME = "search"
_WORDS = ("name", "folder", "store")
_POSITION_OF_NAME = 8  # position of `name` among the arguments of `Search`


@dataclass(frozen=True)
class Place:
    """Place of the results that a search file states.

    Attributes:
        name: Name of the search.
        folder: Parent folder of the results folders of all searches.
        store: Store of the trials; None for the default.
    """

    name: str
    folder: str
    store: str | None


def place_in(path: Path, variable: str | None) -> Place | None:
    """Place of the results of the search `variable` in the file at `path`.

    None where that takes running it: the search is no plain ``search = Search(...)`` at the top
    level, or its name, folder or store is computed.

    Args:
        path: A Python file.
        variable: Name of the search in it; None for the usual or only one.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    if _has_stages(tree):
        return None
    calls = dict(_searches(tree))
    if variable is None:
        variable = _USUAL_NAME if _USUAL_NAME in calls or len(calls) != 1 else next(iter(calls))
    call = calls.get(variable)
    if call is None or _times_set(tree, variable) != 1:
        return None
    found = _literals(call)
    if found is None:
        return None
    stem = path.stem if variable == _USUAL_NAME else f"{path.stem}-{variable}"
    name, folder, store = (found.get(word) for word in _WORDS)
    return Place(name or stem, folder or _FOLDER, store)


def may_have_stages(path: Path) -> bool:
    """Whether the file at `path` may declare stages in a row, as far as its text says."""
    try:
        return _has_stages(ast.parse(path.read_bytes()))
    except (OSError, SyntaxError, ValueError):
        return True


def _has_stages(tree: ast.Module) -> bool:
    """Whether the file may declare stages, which takes running it to know."""
    names = (getattr(node, "attr", None) or getattr(node, "id", None) for node in ast.walk(tree))
    return not {"Stages", "parts_then_whole"}.isdisjoint(filter(None, names))


def _searches(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """The names at the top level that a call of ``Search`` is assigned to."""
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        value = getattr(statement, "value", None)
        if len(targets) == 1 and isinstance(targets[0], ast.Name) and isinstance(value, ast.Call):
            called = value.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name == "Search":
                yield targets[0].id, value


def _times_set(tree: ast.Module, variable: str) -> int:
    return sum(
        isinstance(node, ast.Name) and node.id == variable and not isinstance(node.ctx, ast.Load)
        for node in ast.walk(tree)
    )


def _literals(call: ast.Call) -> dict[str, Any] | None:
    """Name, folder and store as written in `call`; None where one of them is computed."""
    if len(call.args) > _POSITION_OF_NAME or any(isinstance(a, ast.Starred) for a in call.args):
        return None
    found: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            return None
        if keyword.arg in _WORDS:
            if not isinstance(keyword.value, ast.Constant):
                return None
            if not isinstance(keyword.value.value, str | None):
                return None
            found[keyword.arg] = keyword.value.value
    return found
