"""What may import what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from importlinter import cli

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def test_no_module_imports_against_the_layers() -> None:
    """The contracts stand in pyproject.toml under tool.importlinter."""
    assert cli.lint_imports(no_cache=True) == cli.EXIT_STATUS_SUCCESS


def imported(file: Path) -> Iterator[str]:
    """The full names that a file imports anywhere, of modules and of what may be one."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def graph(folder: Path) -> dict[str, set[str]]:
    """What each module below a folder, which is not a package, imports of the others."""
    files = {
        ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): file
        for file in folder.rglob("*.py")
    }
    return {name: (set(imported(file)) & files.keys()) - {name} for name, file in files.items()}


def test_benchmarks_import_in_no_circle() -> None:
    edges = graph(BENCHMARKS)
    assert "chaos_stores" in edges["chaos_site"]
    assert "controller_bench.problems" in edges["stopping"]
    TopologicalSorter(edges).prepare()


def test_a_circle_is_found(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "one.py").write_text("import two")
    (tmp_path / "two.py").write_text("def late():\n    from part import one")
    with pytest.raises(CycleError):
        TopologicalSorter(graph(tmp_path)).prepare()
