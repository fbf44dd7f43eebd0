"""Results as text: a table of claims, and what was not seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["machine_text", "table"]


def machine_text(results: Mapping[str, Any]) -> str:
    """The machine in two lines."""
    machine = results["machine"]
    gpus = [
        f"{gpu['name']} ({gpu['memory_gib']} GiB, compute capability {gpu['capability']})"
        for gpu in machine["gpus"]
    ]
    devices = ", ".join(gpus) or "no GPU"
    if results["stand_in"]:
        devices = f"stand-in on the CPU ({devices})"
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{devices}; driver {machine['driver']}, CUDA {machine['cuda']}; {machine['cores']} cores, "
        f"load {machine['load']}\nPython {machine['python']}; {versions}"
    )


def table(results: Mapping[str, Any]) -> str:
    """The rows as a table in Markdown, and a count of verdicts."""
    rows = results["rows"]
    lines = ["| check | claim | verdict | seen | expected |", "|---|---|---|---|---|"]
    for row in rows:
        cells = (row["check"], row["claim"], row["verdict"], row["seen"], row["expected"])
        lines.append("| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |")
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["verdict"]] = counts.get(row["verdict"], 0) + 1
    counted = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    return "\n".join([*lines, "", f"{len(rows)} claims: {counted}"])
