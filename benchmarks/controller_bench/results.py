"""Finished runs, a JSON line each, in a file that several processes may add to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from controller_bench.simulate import Run

__all__ = ["Job", "Results"]


@dataclass(frozen=True)
class Job:
    """What makes a run: two of one job differ in nothing but wall time."""

    problem: str
    protocol: str
    method: str
    seed: int
    trials: int


class Results:
    """The file ``runs.jsonl`` of a folder.

    Args:
        folder: Made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "runs.jsonl"
        self.lock = FileLock(str(folder / "runs.lock"))

    def add(self, job: Job, run: Run) -> None:
        """Append a finished run."""
        text = json.dumps(
            {
                **vars(job),
                "true": _short(run.true),
                "incumbent": run.incumbent,
                "test": _short(run.test),
                "recommended": run.recommended,
                "seconds": _short(run.seconds, 3),
                "distinct": run.distinct,
            }
        )
        with self.lock, self.path.open("a") as file:
            file.write(text + "\n")

    def fail(self, job: Job, error: str) -> None:
        """Append a run that broke; it is tried again the next time."""
        with self.lock, self.path.open("a") as file:
            file.write(json.dumps({**vars(job), "error": error}) + "\n")

    def lines(self) -> Iterator[dict[str, Any]]:
        """All runs in the order of their ends."""
        if not self.path.exists():
            return
        with self.lock:
            text = self.path.read_text()
        for line in text.splitlines():
            yield json.loads(line)

    def done(self) -> set[tuple[str, str, str, int, int]]:
        """What need not be run again."""
        return {
            (line["problem"], line["protocol"], line["method"], line["seed"], line["trials"])
            for line in self.lines()
            if "error" not in line
        }


def _short(values: list[Any], digits: int = 7) -> list[Any]:
    return [None if v is None else float(np.format_float_scientific(v, digits)) for v in values]
