"""CPU seconds and peak memory of the commands that only look: `python benchmarks/first_minute.py`.

Runs a search of 400 trials whose file imports Lightning, then each command on it in a process of
its own, and prints the median of three. Between the two kinds of report, what the search has kept
for the next one is removed.
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
    limits=nas.Limits(trials=400, parallel=2),
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
RAYNAS = [sys.executable, "-m", "raynas"]


def measured(arguments: list[str], folder: Path) -> tuple[float, float]:
    """CPU seconds and peak MiB of one run."""
    process = subprocess.Popen([*RAYNAS, *arguments], cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"raynas {' '.join(arguments)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "s.py").write_text(SEARCH)
        subprocess.run([*RAYNAS, "search", "--quiet", "s.py"], cwd=folder, check=True)
        print(f"{'command':<30} {'CPU s':>6} {'MiB':>6}")
        for arguments in COMMANDS:
            row(" ".join(arguments), [measured(arguments, folder) for _ in range(3)])
        again = []
        for _ in range(3):
            (folder / KEPT).unlink()
            again.append(measured(["report", "s.py"], folder))
        row("report s.py, of new trials", again)


def row(what: str, runs: list[tuple[float, float]]) -> None:
    """Print the medians of runs."""
    seconds, memory = (statistics.median(values) for values in zip(*runs, strict=True))
    print(f"{what:<30} {seconds:6.2f} {memory:6.0f}")


if __name__ == "__main__":
    main()
