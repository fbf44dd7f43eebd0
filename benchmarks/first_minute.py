"""CPU seconds and peak memory of the commands that only look.

Runs a search whose file imports Lightning, then each command on it in a process of its own, and
prints the median of five: `python benchmarks/first_minute.py`, or `... 20 100 500` for searches of
so many trials. Before a report of new trials, what an earlier one kept of the choices is removed.
Modules are compiled once, as where Python may keep its bytecode.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SEARCH = """
import pytorch_lightning  # as the user's own file does
import raynas as nas
from raynas.space import choice, integer, repeat, searchable

@searchable
class Conv:
    kernel: int = choice(3, 5, 7)
    activation: str = choice("relu", "silu", "gelu")

@searchable
class Net:
    width: int = integer(8, 64, step=4)
    blocks: tuple = repeat(Conv, 1, 4)
    skip: bool = choice(True, False)

def score(net):
    return net.width / 64 + sum(block.kernel for block in net.blocks) / 20

search = nas.Search(
    space=Net,
    task=nas.FunctionTask(score),
    controller="random",
    rules=(),
    limits=nas.Limits(trials=TRIALS, parallel=2),
    name="looked",
)
"""
COMMANDS = (
    ["--version"],
    ["--help"],
    ["status", "s.py"],
    ["status", "raynas-results/looked"],
    ["watch", "--once", "s.py"],
    ["trial", "s.py", "3"],
    ["report", "s.py"],
)
KEPT = Path("raynas-results", "looked", "choices.json")
RUNS = 5  # the median of which differs by some hundredths of a second when measured again
RAYNAS = [sys.executable, "-m", "raynas"]


def measured(arguments: list[str], folder: Path) -> tuple[float, float]:
    """CPU seconds and peak MiB of one run."""
    process = subprocess.Popen(
        [*RAYNAS, *arguments], cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"raynas {' '.join(arguments)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def environment(folder: Path) -> dict[str, str]:
    """This process's, with bytecode kept in `folder`."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def medians(arguments: list[str], folder: Path, new: bool = False) -> tuple[float, float]:
    """Median CPU seconds and peak MiB; `new` if no report has seen the trials."""
    runs = []
    for number in range(RUNS + 1):
        if new:
            (folder / KEPT).unlink(missing_ok=True)
        found = measured(arguments, folder)
        runs += [found] * (number > 0)  # the first one compiles
    seconds, memory = zip(*runs, strict=True)
    return statistics.median(seconds), statistics.median(memory)


def main() -> None:
    """Measure and print."""
    for trials in map(int, sys.argv[1:] or ["400"]):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "s.py").write_text(SEARCH.replace("TRIALS", str(trials)))
            run = [*RAYNAS, "search", "--quiet", "s.py"]
            subprocess.run(run, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            print(f"{f'search of {trials} trials':<30} {'CPU s':>6} {'MiB':>6}")
            for arguments in COMMANDS:
                row(" ".join(arguments), *medians(arguments, folder))
            row("report s.py, of new trials", *medians(["report", "s.py"], folder, new=True))


def row(what: str, seconds: float, memory: float) -> None:
    """Print one line of the table."""
    print(f"{what:<30} {seconds:6.2f} {memory:6.0f}", flush=True)


if __name__ == "__main__":
    main()
