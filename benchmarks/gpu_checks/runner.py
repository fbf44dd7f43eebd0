"""Run checks one after another, each in a process of its own with a time limit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from gpu_checks.check import CHECKS, Check, Place, Row
from gpu_checks.machine import facts

__all__ = ["Results", "run_all", "run_here"]

_LEAST_SECONDS = 10.0
_PATIENCE = 10.0  # how much longer a stand-in may take, on a CPU that does other things
_TAIL = 1500


class Results:
    """The rows so far; written to `file` after each check.

    Args:
        file: JSON file.
        stand_in: Whether on a simulated device.
    """

    def __init__(self, file: Path, stand_in: bool) -> None:
        self.file = file
        self.content: dict[str, Any] = {"stand_in": stand_in, "machine": facts(), "rows": []}

    def add(self, check: Check, rows: Iterable[Row], seconds: float) -> None:
        """Keep the rows of a check, which took so many seconds."""
        for row in rows:
            said = {"check": check.name, "expected": check.claims[row.claim], **row.as_dict()}
            self.content["rows"].append({**said, "seconds": round(seconds, 1)})
        unfinished = self.file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(self.content, indent=1) + "\n")
        unfinished.replace(self.file)

    def failed(self) -> int:
        """How many claims failed or were not looked at."""
        return sum(row["verdict"] in ("failed", "not run") for row in self.content["rows"])


def run_all(
    names: Iterable[str],
    results: Results,
    log: Path,
    *,
    gpu: bool,
    until: float,
    say: Callable[[str], None],
) -> None:
    """Run the checks of these names until the moment `until` of `time.monotonic`.

    Checks in a row that need not be alone share a GPU.
    """

    def one(check: Check) -> tuple[list[Row], float]:
        start = time.monotonic()
        left = until - start
        if left < _LEAST_SECONDS:
            return list(_rest(check, [], "time was up before it began")), 0.0
        limit = min(check.seconds if gpu else _PATIENCE * check.seconds, left)
        say(f"{check.name} (at most {limit:.0f} s)")
        rows = run_here(check, gpu=gpu, seconds=limit, log=log)
        return rows, time.monotonic() - start

    for alone, group in groupby(map(CHECKS.__getitem__, names), lambda check: check.alone):
        checks = list(group)
        with ThreadPoolExecutor(1 if alone or not gpu else len(checks)) as pool:
            for check, (rows, seconds) in zip(checks, pool.map(one, checks), strict=True):
                results.add(check, rows, seconds)
                say(f"{check.name} took {seconds:.0f} s")
                for row in rows:
                    say(f"  {row.verdict:8} {row.claim}: {row.seen}")


def run_here(check: Check, *, gpu: bool, seconds: float, log: Path) -> list[Row]:
    """A row for every claim of a check, which runs in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="check-gpu-") as folder:
        rows = Path(folder, "rows.jsonl")
        place = json.dumps({"gpu": gpu, "folder": folder})
        process = subprocess.Popen(
            [sys.executable, "-m", "gpu_checks.one", check.name, place, str(rows)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))},
            start_new_session=True,
        )
        try:
            printed, _ = process.communicate(timeout=seconds)
            ending = f"ended with exit code {process.returncode}"
        except subprocess.TimeoutExpired:
            ending = f"timed out after {seconds:.0f} s"
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with those it started, of its session
            printed, _ = process.communicate()
        text = printed.decode(errors="replace")
        with log.open("a") as file:
            file.write(f"== {check.name}: {ending}\n{text[-20 * _TAIL :]}\n")
        found = [Row(**json.loads(line)) for line in _lines(rows)]
        why = f"the check {ending}: {(text.strip().splitlines() or ['nothing printed'])[-1]}"
        return list(_rest(check, found, why))


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.is_file() else []


def _rest(check: Check, found: list[Row], why: str) -> Iterator[Row]:
    """The rows found, and one for each claim that there is none of."""
    yield from found
    known = {row.claim for row in found}
    for claim in check.claims:
        if claim not in known:
            yield Row(claim, "not run", why[:_TAIL])


def work(name: str, place: Place, rows: Path) -> None:
    """What the process of a check does: write a row as soon as it is known."""
    for row in CHECKS[name].run(place):
        with rows.open("a") as file:
            file.write(json.dumps(row.as_dict()) + "\n")
