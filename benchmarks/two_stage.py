"""What search and stage 2 cost together, and find, on NAS-Bench-201, CIFAR-10.

Stage 1 is told the validation accuracy after 12 epochs, of a single run with a schedule of its
own; stage 2 trains the shortlist for 200 epochs and takes the best by the validation accuracy of
one of its three runs, drawn at random. Reported is the test accuracy of what is taken. The unit of
cost is one full training: a trial of stage 1 costs 12/200 of it.

    python benchmarks/two_stage.py --data FOLDER [--seeds 30] [--results FILE]

FOLDER has nasbench201_cifar10.csv. Stage 1 is made once for each seed and kept in the JSON lines of
--results; a run that was broken off goes on.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
from pathlib import Path

import numpy as np

from raynas import AskTell, Space
from raynas.shortlist import shortlist
from raynas.trials import Completed, History, Measurement, Trial
from search_spaces.nasbench201 import NASBench201Cell

SPACE = Space(NASBench201Cell)
CELLS = {cell.key: cell for cell in SPACE.enumerate()}
PROXY_COST = 12 / 200
SPLITS = ((50, 5), (50, 9), (67, 8), (100, 6), (100, 3), (133, 4), (150, 3))
"""Trials of stage 1 and full trainings."""


def read_table(data: Path) -> dict[str, dict[str, str]]:
    """The table's rows by architecture."""
    with (data / "nasbench201_cifar10.csv").open(newline="") as file:
        return {row["arch"]: row for row in csv.DictReader(file)}


def stage_1(table: dict[str, dict[str, str]], controller: str, seed: int, trials: int) -> list[str]:
    """The architectures tried, in order."""
    search = AskTell(SPACE, controller, seed)
    tried = []
    for _ in range(trials):
        proposal = search.ask()
        if proposal is None:
            break
        tried.append(proposal.architecture.key)
        search.tell(proposal.number, float(table[tried[-1]]["val_12"]))
    return tried


def stage_2(table: dict[str, dict[str, str]], tried: list[str], full: int, seed: int) -> float:
    """Test accuracy of the best of the shortlist by one full training each."""
    by_key = {key: number for number, key in enumerate(tried)}
    history = History(
        tuple(
            Trial(n, CELLS[key], Completed(Measurement({}), float(table[key]["val_12"])))
            for key, n in by_key.items()
        )
    )
    chance = np.random.default_rng([seed, 2])
    trained = []
    for candidate in shortlist(history, SPACE, full).chosen:
        row = table[candidate.architecture.key]
        runs = [float(row[f"val_200_s{run}"]) for run in range(3) if row[f"val_200_s{run}"]]
        trained.append((runs[int(chance.integers(len(runs)))], float(row["test_200"])))
    return max(trained)[1]


def searched(
    table: dict[str, dict[str, str]], options: argparse.Namespace, most: int
) -> dict[int, list[str]]:
    """Stage 1 of each seed, made where it is not kept."""
    kept: dict[int, list[str]] = {}
    if options.results and options.results.exists():
        for line in options.results.read_text().splitlines():
            run = json.loads(line)
            if run["controller"] == options.controller and len(run["tried"]) >= most:
                kept[run["seed"]] = run["tried"]
    for seed in range(options.seeds):
        if seed not in kept:
            kept[seed] = stage_1(table, options.controller, seed, most)
            if options.results:
                run = {"controller": options.controller, "seed": seed, "tried": kept[seed]}
                with options.results.open("a") as file:
                    file.write(json.dumps(run) + "\n")
    return {seed: kept[seed] for seed in range(options.seeds)}


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--controller", default="auto")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--results", type=Path)
    options = parser.parse_args()
    table = read_table(options.data)
    best = max(float(row["test_200"]) for row in table.values())
    runs = searched(table, options, max(trials for trials, _ in SPLITS))
    print(
        f"best test accuracy of the table {best:.3f} %, {options.controller}, {len(runs)} seeds\n"
    )
    print(
        "| trials of 12 epochs | full trainings | cost | test accuracy | below the best | worst |"
    )
    print("|---:|---:|---:|---:|---:|---:|")
    for trials, full in SPLITS:
        found = [stage_2(table, tried[:trials], full, seed) for seed, tried in runs.items()]
        mean, error = statistics.mean(found), statistics.stdev(found) / len(found) ** 0.5
        cost = trials * PROXY_COST + full
        print(
            f"| {trials} | {full} | {cost:.1f} | {mean:.3f} ± {error:.3f} | {best - mean:.3f} "
            f"| {best - min(found):.3f} |"
        )


if __name__ == "__main__":
    main()
