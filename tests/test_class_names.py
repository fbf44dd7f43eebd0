"""Class names are unique: a name in a message or a traceback says which class it is."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def declares_a_space(node: ast.ClassDef) -> bool:
    return any("searchable" in ast.unparse(decorator) for decorator in node.decorator_list)


def scopes() -> dict[str, list[Path]]:
    """The package, and each benchmark: a folder or a script of its own."""
    found = {"raynas": sorted((ROOT / "raynas").rglob("*.py"))}
    for place in sorted((ROOT / "benchmarks").iterdir()):
        if place.is_dir() and place.name != "environments":
            found[f"benchmarks/{place.name}"] = sorted(place.rglob("*.py"))
    return {name: files for name, files in found.items() if files}


@pytest.mark.parametrize("scope", scopes())
def test_no_class_name_is_defined_twice(scope: str) -> None:
    places = defaultdict(list)
    for path in scopes()[scope]:
        if path.name == "stand_in.py":  # copied beside exported code, where it replaces raynas
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            # A benchmark's search space is data: names such as Net and Conv are its words.
            if isinstance(node, ast.ClassDef) and not declares_a_space(node):
                places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
