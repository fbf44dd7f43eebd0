"""Regret against cost: a search over budgets, two stages, and what searches at a single budget.

Trainings come from tables, everything counts, and the unit is one full training. A method says at
each cost which architecture it would take; reported is how far that is below the best of the table,
by a score that no method sees.

    python benchmarks/cost.py --data FOLDER --problems nb201,mnist --seeds 30

FOLDER has nasbench201_cifar10.csv; the other tables are beside this file.
Finished runs are kept in the JSON lines of --results and not run again, so that a run that was
broken off goes on, and several may share a file. Methods:

- budgets: ``AskTell(budgets=...)``, by its recommendation;
- limited: the same with the cost as its limit, a search of its own for each cost;
- two-stage: half of the cost for the lowest budget, the rest for full trainings of the shortlist,
  the best of which is taken;
- short, full: all for the lowest or the full budget, by the controller's recommendation;
- those of `cost_peers.py`: other libraries' searches over budgets, each rung a training of its own,
  the best full training taken.

The problems are those of `cost_problems.py`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from cost_peers import PEERS
from cost_problems import PROBLEMS, Problem

from raynas import AskTell
from raynas.shortlist import shortlist

HERE = Path(__file__).parent
COSTS = (3.0, 6.0, 12.0)
METHODS = ("budgets", "limited", "two-stage", "short", "full")


def recommended(problem: Problem, seed: int, costs: Sequence[float], **how: Any) -> Iterator[Any]:
    """What an `AskTell` recommends at each cost."""
    unit = how.pop("unit", 1.0)
    rng = np.random.default_rng([seed, 1])
    search = AskTell(problem.space, seed=seed, **how)
    spent, proposal = 0.0, search.ask()
    for cost in costs:
        while proposal is not None and spent + proposal.budget * unit <= cost + 1e-9:
            spent += proposal.budget * unit
            reward = problem.train(proposal.architecture, proposal.budget * unit, rng)
            search.tell(proposal.number, reward)
            proposal = search.ask()
        trial = search.recommend()
        yield None if trial is None else trial.architecture


def by_budgets(problem: Problem, seed: int, costs: Sequence[float]) -> Iterator[Any]:
    """The search over budgets, which does not know at which cost it will be looked at."""
    return recommended(problem, seed, costs, budgets=problem.budgets)


def by_limit(problem: Problem, seed: int, costs: Sequence[float]) -> Iterator[Any]:
    """Searches over budgets that know at which cost they end."""
    for cost in costs:
        yield from recommended(problem, seed, [cost], budgets=problem.budgets, trainings=cost)


def by_short(problem: Problem, seed: int, costs: Sequence[float]) -> Iterator[Any]:
    """The lowest budget alone."""
    return recommended(problem, seed, costs, unit=problem.budgets[0])


def by_full(problem: Problem, seed: int, costs: Sequence[float]) -> Iterator[Any]:
    """The full budget alone."""
    return recommended(problem, seed, costs)


def by_two_stages(problem: Problem, seed: int, costs: Sequence[float]) -> Iterator[Any]:
    """As many full trainings as half of the cost allows, at least one."""
    rng = np.random.default_rng([seed, 1])
    search = AskTell(problem.space, seed=seed)
    for cost in costs:
        full = max(1, int(cost // 2))
        while (len(search.history) + 1) * problem.budgets[0] <= cost - full + 1e-9:
            proposal = search.ask()
            if proposal is None:
                break
            reward = problem.train(proposal.architecture, problem.budgets[0], rng)
            search.tell(proposal.number, reward)
        listed = shortlist(search.history, problem.space, full).chosen
        draws = np.random.default_rng([seed, 2])
        trained = [problem.train(c.architecture, 1.0, draws) for c in listed]
        yield listed[int(np.argmax(trained))].architecture


def by_peer(name: str, problem: Problem, seed: int, costs: Sequence[float]) -> Iterator[Any]:
    """Another library's search over budgets, which takes its best full training.

    Until it has one, that is the best training of the highest budget so far.
    """
    rng = np.random.default_rng([seed, 1])
    steps = [max(1, round(budget / problem.budgets[0])) for budget in problem.budgets]
    peer = PEERS[name](problem.space, seed, steps)
    spent, wanted = 0.0, list(costs)
    best: tuple[float, float, Any] = (0.0, -np.inf, None)
    while wanted:
        architecture, step = peer.ask()
        budget = problem.budgets[steps.index(step)]
        while wanted and spent + budget > wanted[0] + 1e-9:
            wanted.pop(0)
            yield best[2]
        spent += budget
        reward = problem.train(architecture, budget, rng)
        best = max(best, (budget, reward, architecture), key=lambda entry: entry[:2])
        peer.tell(reward)


RUNS: dict[str, Callable[[Problem, int, Sequence[float]], Iterator[Any]]] = {
    "budgets": by_budgets,
    "limited": by_limit,
    "two-stage": by_two_stages,
    "short": by_short,
    "full": by_full,
    **{name: partial(by_peer, name) for name in PEERS},
}


def run(
    problem: Problem, method: str, seed: int, costs: Sequence[float]
) -> dict[str, list[float | None]]:
    """Regret at each cost, by score and by reward; None where nothing is known yet."""
    found = list(RUNS[method](problem, seed, costs))[: len(costs)]
    measures = {"regrets": problem.regret, "reward_regrets": problem.reward_regret}
    return {
        name: [None if taken is None else measure(taken) for taken in found]
        for name, measure in measures.items()
    }


def table(
    lines: Sequence[Mapping[str, Any]], costs: Sequence[float], measure: str = "regrets"
) -> str:
    """Means of a measure of `run` with their standard errors at these costs, in Markdown."""
    groups: dict[tuple[str, str], list[Sequence[float | None]]] = {}
    for line in lines:
        if line["costs"] == list(costs) and measure in line:
            groups.setdefault((line["problem"], line["method"]), []).append(line[measure])
    head = [f"| problem | method | seeds | {' | '.join(f'cost {c:g}' for c in costs)} |"]
    head.append("|---|---|---:|" + "---:|" * len(costs))
    for (problem, method), found in sorted(groups.items()):
        cells = []
        for values in zip(*found, strict=True):
            known = [value for value in values if value is not None]
            error = statistics.stdev(known) / len(known) ** 0.5 if len(known) > 1 else 0.0
            cells.append(f"{statistics.mean(known):.3f} ± {error:.3f}" if known else "")
        head.append(f"| {problem} | {method} | {len(found)} | {' | '.join(cells)} |")
    return "\n".join(head)


def main() -> None:
    """Run what is missing, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--problems", default="nb201,mnist", help="by comma")
    parser.add_argument(
        "--methods", default=",".join(METHODS), help=f"by comma, also {', '.join(PEERS)}"
    )
    parser.add_argument("--costs", default=",".join(f"{c:g}" for c in COSTS), help="by comma")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--by-reward", action="store_true", help="regret by the rewards that a search maximizes"
    )
    parser.add_argument("--results", type=Path, default=HERE / "results" / "cost.jsonl")
    options = parser.parse_args()
    costs = [float(cost) for cost in options.costs.split(",")]
    options.results.parent.mkdir(parents=True, exist_ok=True)
    text = options.results.read_text() if options.results.exists() else ""
    lines = [json.loads(line) for line in text.splitlines()]
    done = {(n["problem"], n["method"], n["seed"], tuple(n["costs"])) for n in lines}
    make = lru_cache(lambda name: PROBLEMS[name](options.data))
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for name in options.problems.split(","):
            for method in options.methods.split(","):
                if (name, method, seed, tuple(costs)) in done:
                    continue
                began = time.process_time()
                line = {"problem": name, "method": method, "seed": seed, "costs": costs}
                line |= run(make(name), method, seed, costs)
                line["seconds"] = round(time.process_time() - began, 2)
                lines.append(line)
                with options.results.open("a") as file:
                    file.write(json.dumps(line) + "\n")
    print(table(lines, costs, "reward_regrets" if options.by_reward else "regrets"))


if __name__ == "__main__":
    main()
