"""A module is one idea: where it grows beyond a few screens, part of it is another one."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MOST_LINES = 400  # the longest that is still read in one go


@pytest.mark.parametrize(
    "place", ["raynas", "search_spaces", "cluster", "examples", "benchmarks", "scripts"]
)
def test_no_module_is_too_long(place: str) -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): path.read_text().count("\n")
        for path in (ROOT / place).rglob("*.py")
    }
    assert lengths
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}
