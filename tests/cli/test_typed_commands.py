"""Commands in messages can be typed as they are shown, also where a path has spaces."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import raynas

SOURCES = sorted(Path(raynas.__file__).parent.rglob("*.py"))
COMMAND = re.compile(r"raynas (?:search|check|report|repair|refine|train|watch|plan) \{([^}]*)\}")
QUOTED = re.compile(r"quoted|typed|shlex\.quote\(.*\)|escape\(shlex\.quote\(.*\)\)")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_paths_in_commands_are_quoted(source: Path) -> None:
    bare = [place for place in COMMAND.findall(source.read_text()) if not QUOTED.fullmatch(place)]
    assert not bare
