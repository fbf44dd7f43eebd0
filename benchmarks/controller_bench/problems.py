"""All problems by name."""

from __future__ import annotations

from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path

from controller_bench.problem import Problem
from controller_bench.synthetic import SIZES, synthetic
from controller_bench.tables import (
    GRAPHS,
    HPO_BENCH,
    HPO_LIB,
    graph_problem,
    hpo,
    macro,
    nb201,
    nb201_of,
)

__all__ = ["DEFAULT", "NAMES", "matching", "problem"]

NAMES = (
    "nb201",
    "macro",
    "nb201-cifar100",
    "nb201-imagenet",
    *(f"graph-{name}" for name in GRAPHS),
    *(f"hpo-{name}" for name in (*HPO_BENCH, *HPO_LIB)),
    *(f"synthetic-{size}" for size in SIZES),
)
DEFAULT = (
    "nb201",
    "macro",
    "nb201-cifar100",
    "nb201-imagenet",
    "graph-cora",
    "graph-computers",
    "graph-arxiv",
    "hpo-protein_structure",
    "hpo-segment",
    "synthetic-30",
    "synthetic-100",
    "synthetic-200",
)


def matching(patterns: str) -> list[str]:
    """The names that match a comma-separated list of shell patterns; ``default`` is `DEFAULT`."""
    found: list[str] = []
    for pattern in patterns.split(","):
        names = DEFAULT if pattern == "default" else [n for n in NAMES if fnmatch(n, pattern)]
        if not names:
            raise SystemExit(f"--problems {pattern}: no such problem; there are {', '.join(NAMES)}")
        found += [name for name in names if name not in found]
    return found


def problem(name: str, data: Path | None, seed: int) -> Problem:
    """The problem `name` for a run of this seed: of a synthetic one, instance number `seed`."""
    if name.startswith("synthetic-"):
        return synthetic(int(name.removeprefix("synthetic-")), seed)
    return _fixed(name, data)


@lru_cache(maxsize=16)
def _fixed(name: str, data: Path | None) -> Problem:
    if name in ("nb201", "macro"):
        if data is None:
            raise SystemExit(f"--problems {name}: give the folder of its table with --data FOLDER")
        return nb201(data) if name == "nb201" else macro(data)
    family, _, dataset = name.partition("-")
    made = {"nb201": nb201_of, "graph": graph_problem, "hpo": hpo}[family](dataset)
    return made
