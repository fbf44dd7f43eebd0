"""Finished runs, a JSON line each, in a file that several processes may add to.

Those of the written page are kept with it, compressed, so that another machine adds to them.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from controller_bench.simulate import Run

__all__ = ["Job", "Results", "read"]


@dataclass(frozen=True)
class Job:
    """What makes a run: two of one job differ in nothing but wall time."""

    problem: str
    protocol: str
    method: str
    seed: int
    trials: int


class Results:
    """The file ``runs.jsonl`` of a folder, and what is kept.

    Args:
        folder: Made where it is missing.
        kept: A file that `keep` wrote; it may be missing.
    """

    def __init__(self, folder: Path, kept: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "runs.jsonl"
        self.kept = kept
        self.lock = FileLock(str(folder / "runs.lock"))

    def add(self, job: Job, run: Run) -> None:
        """Append a finished run."""
        text = json.dumps(
            {
                **vars(job),
                "true": _short(run.true),
                "test": _short(run.test),
                "recommended": run.recommended,
                "seconds": _short(run.seconds, 1),
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
        """All runs: those kept first, the others in the order of their ends."""
        if self.kept and self.kept.exists():
            yield from read(self.kept)
        if self.path.exists():
            with self.lock:
                added = list(read(self.path))
            yield from added

    def keep(self, path: Path) -> None:
        """Write the last finished run of each job to a file to keep."""
        last = {_job(line): line for line in self.lines() if "error" not in line}
        text = "".join(json.dumps(last[job]) + "\n" for job in sorted(last))
        path.write_bytes(lzma.compress(text.encode(), preset=9))

    def done(self) -> set[tuple[Any, ...]]:
        """What need not be run again."""
        return {_job(line) for line in self.lines() if "error" not in line}


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The runs of a file, which is compressed where it ends in ``.xz``."""
    with lzma.open(path, "rt") if path.suffix == ".xz" else path.open() as file:
        yield from map(json.loads, file)


def _job(line: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(line[field.name] for field in fields(Job))


def _short(values: list[Any], digits: int = 7) -> list[Any]:
    return [None if v is None else float(np.format_float_scientific(v, digits)) for v in values]
