"""Searches of a space part of which has no reward: failing trainings, and bounds.

NAS-Bench-201 on CIFAR-10, with 12 and 200 epochs as in `cost.py`, where the best architectures are
among those without a reward. Parts:

- edge: trainings with a 3x3 convolution on the last edge fail, a fifth of the space;
- large: those with four 3x3 convolutions or more fail, 2 %;
- free: the number of parameters has a bound, which is known before a trial;
- measured: it has the same bound, and is measured by the trial.

Reported is the test accuracy of what a search recommends below the best with a reward, and the
share of its trials that had none.

    python benchmarks/infeasible.py --data FOLDER --seeds 20

FOLDER has nasbench201_cifar10.csv. A search over budgets, and searches at one of them alone.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cost_problems import Problem, nb201, rows_of

from raynas import AskTell
from raynas.controllers.by_name import within_bounds
from raynas.rewards import AtMost
from raynas.trials import BOUND, Failed, Infeasible, Measurement, Outcome

MILLIONS = AtMost("parameters", 0.4)
"""Of parameters: 62 % of the architectures are within, and none of the best 327."""
METHODS = {"budgets": None, "short": 0, "full": 1}


@dataclass(frozen=True)
class Part:
    """The part of a space that has rewards.

    Attributes:
        outcome: From an architecture's row to how its trial ends without a reward, if it does.
        known: Bounds that a search is told of, and what it knows before a trial.
    """

    outcome: Callable[[str], Outcome | None]
    known: Callable[[Any, Collection[str]], Mapping[str, float]] | None = None


def failing(where: Callable[[str], bool], name: str) -> Outcome | None:
    """A failure where it is expected."""
    return Failed("out of memory") if where(name) else None


def outside(millions: Mapping[str, float], name: str) -> Outcome | None:
    """An outcome beyond the bound."""
    metrics = {MILLIONS.metric: millions[name]}
    broken = MILLIONS.broken_by(metrics)
    return None if broken is None else Infeasible(broken, Measurement(metrics), BOUND)


def nothing_known(cell: Any, names: Collection[str]) -> Mapping[str, float]:
    """No metric is known before a trial."""
    del cell, names
    return {}


def parts(data: Path, problem: Problem) -> dict[str, Part]:
    """The parts by name."""
    rows = rows_of(data / "nasbench201_cifar10.csv")
    millions = {row["arch"]: float(row["params_m"]) for row in rows}

    def known(cell: Any, names: Collection[str]) -> Mapping[str, float]:
        return {name: millions[problem.name_of(cell)] for name in names}

    return {
        "edge": Part(partial(failing, lambda name: name[5] == "3")),
        "large": Part(partial(failing, lambda name: name.count("3") >= 4)),
        "free": Part(partial(outside, millions), known),
        "measured": Part(partial(outside, millions), nothing_known),
    }


def searched(
    problem: Problem, part: Part, method: str, seed: int, cost: float
) -> tuple[float, float]:
    """Regret of a search, and its share of trials without a reward."""
    level = METHODS[method]
    unit = 1.0 if level is None else problem.budgets[level]
    options: dict[str, Any] = {"budgets": problem.budgets} if level is None else {}
    if part.known is not None:
        options["controller"] = within_bounds("auto", [MILLIONS], part.known)
    search = AskTell(problem.space, seed=seed, **options)
    rng = np.random.default_rng([seed, 1])
    spent, proposal = 0.0, search.ask()
    while proposal is not None and spent + proposal.budget * unit <= cost + 1e-9:
        spent += proposal.budget * unit
        bad = part.outcome(problem.name_of(proposal.architecture))
        reward = problem.train(proposal.architecture, proposal.budget * unit, rng)
        search.tell(proposal.number, reward if bad is None else bad)
        proposal = search.ask()
    best = max(score for name, score in problem.scores.items() if part.outcome(name) is None)
    found = search.recommend()
    if found is None:
        raise RuntimeError(f"{method}, seed {seed}: no trial has a reward")
    share = len(search.history.unrewarded) / len(search.history)
    return best - problem.scores[problem.name_of(found.architecture)], share


def main() -> None:
    """Run all, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--parts", default="edge,large,free,measured", help="by comma")
    parser.add_argument("--methods", default=",".join(METHODS), help="by comma")
    parser.add_argument("--cost", type=float, default=6.0, help="in full trainings")
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    problem = nb201(options.data)
    known = parts(options.data, problem)
    print("| part | search | below the best | trials without a reward |\n|---|---|--:|--:|")
    for name in options.parts.split(","):
        for method in options.methods.split(","):
            runs = [
                searched(problem, known[name], method, seed, options.cost)
                for seed in range(options.seeds)
            ]
            regrets, shares = zip(*runs, strict=True)
            error = statistics.stdev(regrets) / len(regrets) ** 0.5 if len(runs) > 1 else 0.0
            shown = f"{statistics.mean(regrets):.2f} ± {error:.2f}"
            print(f"| {name} | {method} | {shown} | {statistics.mean(shares):.0%} |", flush=True)


if __name__ == "__main__":
    main()
