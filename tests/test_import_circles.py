"""No modules and no folders import each other, in functions either; type checking is left out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCOPES = ("raynas", "search_spaces", "cluster")
Graph = dict[str, set[str]]


def imported(node: ast.AST) -> Iterator[str]:
    """The names that code imports, with all that is imported from a module as if it were one."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=ast.Name("TYPE_CHECKING"), orelse=orelse):
                yield from imported(ast.Module(orelse, []))
            case ast.Import(names=names):
                yield from (each.name for each in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{each.name}" for each in names)
            case _:
                yield from imported(child)


def graph_of(sources: dict[str, str]) -> Graph:
    """For each module which others it imports, given the text of each."""
    found: Graph = {}
    for module, text in sources.items():
        found[module] = set()
        for name in imported(ast.parse(text)):
            while name and name not in sources:
                name = name.rpartition(".")[0]
            found[module] |= {name} - {"", module}
    return found


def folders(graph: Graph, depth: int) -> Graph:
    """The graph of folders at a depth, and of the modules beside them; not of their parents."""
    merged: Graph = {}
    for module, others in graph.items():
        short = ".".join(module.split(".")[:depth])
        beside = {".".join(name.split(".")[:depth]) for name in others}
        merged.setdefault(short, set()).update(
            name for name in beside - {short} if name.count(".") == depth - 1 == short.count(".")
        )
    return merged


def circle(graph: Graph) -> list[str]:
    """One circle of a graph; empty where it has none."""
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def modules(scope: str) -> dict[str, str]:
    """The text of each module of a scope."""
    found = {}
    for path in sorted((ROOT / scope).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path.read_text()
    return found


def test_circles_are_found() -> None:
    sources = {
        "p": "",
        "p.a": "def f():\n    from p.b.c import x",
        "p.b": "",
        "p.b.c": "import p.d",
        "p.b.e": "from p import a",
        "p.d": "if TYPE_CHECKING:\n    import p.a\nelse:\n    import os",
    }
    graph = graph_of(sources)
    assert graph["p.a"] == {"p.b.c"}
    assert circle(graph) == []
    assert set(circle(folders(graph, 2))) == {"p.a", "p.b"}
    assert set(circle(graph_of(sources | {"p.d": "from p.b import e"}))) == {
        *("p.a", "p.b.c", "p.b.e", "p.d")
    }


@pytest.mark.parametrize("scope", SCOPES)
def test_no_modules_import_each_other(scope: str) -> None:
    graph = graph_of(modules(scope))
    assert len(graph) > 2
    assert circle(graph) == []


@pytest.mark.parametrize("depth", [2, 3])
def test_no_folders_import_each_other(depth: int) -> None:
    graph = folders(graph_of(modules("raynas")), depth)
    assert len(graph) > 40
    assert circle(graph) == []
