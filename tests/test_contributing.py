"""CONTRIBUTING's table of places agrees with the layers of the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_table_of_places_is_in_the_order_of_the_layers() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    upwards = [layer for layer in reversed(contracts[0]["layers"]) if layer != "__main__"]
    table = (ROOT / "CONTRIBUTING.md").read_text()
    assert re.findall(r"^\| `raynas/(\w+)(?:\.py|/)` \|", table, re.MULTILINE) == upwards
