"""Class names are unique: a name in a message or a traceback says which class it is."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def declares_a_space(node: ast.ClassDef) -> bool:
    return any("searchable" in ast.unparse(decorator) for decorator in node.decorator_list)


@pytest.mark.parametrize("folder", ["raynas", "benchmarks"])
def test_no_class_name_is_defined_twice(folder: str) -> None:
    places = defaultdict(list)
    for path in sorted((ROOT / folder).rglob("*.py")):
        # `stand_in.py` is copied beside exported code and stands in for classes of raynas there.
        if path.name == "stand_in.py" or "environments" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            # A benchmark's search space is data: names such as Net and Conv are its words.
            if isinstance(node, ast.ClassDef) and not declares_a_space(node):
                places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
