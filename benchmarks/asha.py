"""What ending bad trials early saves: what is found against device time, by each scheduler.

    python benchmarks/asha.py --data data_mnist.npz

trains each of 192 small networks once on MNIST and keeps what it measured along the way in
`benchmarks/mnist_curves.csv` (no network that is there is trained again), then searches among them
with the schedulers of `raynas search`, several seeds each: for accuracy, and for accuracy and few
parameters. A search trains nothing: it reads the curves, on devices whose clock goes on by the
processor time that the training took. The tables go between the marks of the page; without
``--data`` nothing is trained, and the table that is there is searched.
"""

from __future__ import annotations

import argparse
import csv
import heapq
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, TypeAlias

import numpy as np

import raynas as nas
from raynas.dominance import hypervolume, non_dominated
from raynas.rewards import Metric, Pareto, Reward
from raynas.space import Space, choice, searchable
from raynas.trials import Measurement, Point, Stopped
from raynas.tune.schedulers import NAMES, Score, make_scheduler, scored, scorer

TABLE = Path(__file__).parent / "mnist_curves.csv"
STEPS, EVALUATIONS = 270, 9
STRIDE = STEPS // EVALUATIONS
DEVICES = 4
MOMENTS = (5, 10, 20, 40)
EQUAL = 20


@searchable
class Net:
    """A multilayer perceptron and its learning rate."""

    width: int = choice(16, 32, 64, 128)
    depth: int = choice(1, 2, 3)
    activation: Literal["relu", "tanh"] = choice("relu", "tanh")
    norm: bool = choice(False, True)
    rate: float = choice(0.0003, 0.001, 0.003, 0.01)


def key(net: Net) -> str:
    """Its row in the table."""
    return f"{net.width}-{net.depth}-{net.activation}-{net.norm:d}-{net.rate}"


class Curves(nas.Task):
    """As far as a scheduler looks at it."""

    max_steps = STEPS
    evaluations = EVALUATIONS

    def run(self, architecture: Any, context: nas.Context) -> Measurement:
        """Nothing trains here."""
        raise NotImplementedError


# --- the table


def all_nets() -> list[Net]:
    """Each architecture of the space."""
    options = [column.values for column in Space(Net).columns]
    return [Net(*values) for values in itertools.product(*options)]


def fill_table(data: Path, table: Path) -> None:
    """Train what the table has not, each network with a seed of its own."""
    known = {row["arch"] for row in rows(table)}
    missing = [net for net in all_nets() if key(net) not in known]
    if not missing:
        return
    parts = load(data)
    names = ["arch", *(f"val_{STRIDE * (i + 1)}" for i in range(EVALUATIONS)), "test", "seconds"]
    with table.open("a", newline="") as file:
        writer = csv.writer(file)
        if not known:
            writer.writerow(names)
        for net in missing:
            curve, test, seconds = train(net, parts)
            values = [*curve, test]
            writer.writerow([key(net), *(f"{value:.4f}" for value in values), f"{seconds:.3f}"])
            file.flush()


def load(data: Path) -> dict[str, Any]:
    """MNIST at 14 x 14: 8,000 images to train on, 2,000 to validate on, and the test set."""
    import torch

    with np.load(data) as file:
        images = {part: file[f"x_{part}"] for part in ("train", "test")}
        labels = {part: torch.tensor(file[f"y_{part}"]).long() for part in ("train", "test")}
    small = {
        part: torch.tensor(x.reshape(-1, 14, 2, 14, 2).mean((2, 4)) / 255).float().flatten(1)
        for part, x in images.items()
    }
    return {
        "train": (small["train"][:8000], labels["train"][:8000]),
        "val": (small["train"][8000:10000], labels["train"][8000:10000]),
        "test": (small["test"], labels["test"]),
    }


def train(net: Net, parts: dict[str, Any]) -> tuple[list[float], float, float]:
    """Validation accuracy along the way, test accuracy at the end, processor seconds."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(sum(map(ord, key(net))))
    layers: list[nn.Module] = []
    for width in [196, *[net.width] * (net.depth - 1)]:
        layers.append(nn.Linear(width, net.width))
        layers += [nn.BatchNorm1d(net.width)] if net.norm else []
        layers.append(nn.ReLU() if net.activation == "relu" else nn.Tanh())
    network = nn.Sequential(*layers, nn.Linear(net.width, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=net.rate)
    images, labels = parts["train"]
    curve, begun = [], time.process_time()
    for step in range(1, STEPS + 1):
        batch = torch.randint(len(images), (64,))
        loss = nn.functional.cross_entropy(network(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % STRIDE == 0:
            curve.append(accuracy(network, *parts["val"]))
    seconds = time.process_time() - begun
    return curve, accuracy(network, *parts["test"]), seconds


def accuracy(network: Any, images: Any, labels: Any) -> float:
    """The share of right answers."""
    import torch

    network.eval()
    with torch.no_grad():
        right = float((network(images).argmax(dim=1) == labels).float().mean())
    network.train()
    return right


def rows(table: Path) -> list[dict[str, str]]:
    """What the table has."""
    if not table.exists():
        return []
    with table.open() as file:
        return list(csv.DictReader(file))


# --- the searches


@dataclass(frozen=True)
class TrainedNetwork:
    """A network that was trained."""

    curve: tuple[float, ...]
    test: float
    seconds: float
    parameters: int


def parameters(net: Net) -> int:
    """How many it has."""
    widths = [196, *[net.width] * net.depth]
    layers = sum(i * o + o + 2 * o * net.norm for i, o in itertools.pairwise(widths))
    return layers + 10 * net.width + 10


def accuracy_of_best(trained: Sequence[TrainedNetwork]) -> float:
    """Test accuracy of the network that is best by validation, in percent."""
    return 100 * max(trained, key=lambda row: row.curve[-1]).test if trained else 10.0


def share_of_front(table: Mapping[str, TrainedNetwork]) -> Worth:
    """How much of the hypervolume of the table's front a front has, in percent.

    Of test accuracy and the logarithm of the number of parameters, above the table's means. A front
    is what is not dominated by validation accuracy.
    """

    def volume(trained: Iterable[TrainedNetwork], seen: list[tuple[float, float]]) -> float:
        true = np.array([(row.test, -math.log2(row.parameters)) for row in trained])
        return hypervolume(true[non_dominated(seen)], corner) if len(true) else 0.0

    points = [(row.test, -math.log2(row.parameters)) for row in table.values()]
    corner = tuple(np.mean(points, axis=0))
    best = volume(table.values(), points)

    def worth(trained: Sequence[TrainedNetwork]) -> float:
        seen = [(row.curve[-1], -math.log2(row.parameters)) for row in trained]
        return 100 * volume(trained, seen) / best

    return worth


Worth: TypeAlias = Callable[[Sequence[TrainedNetwork]], float]
ACCURACY = Metric("accuracy")
FRONT = Pareto(ACCURACY, Metric("parameters", "min"))


@dataclass
class Found:
    """What the trials that were run to their end are worth, as devices work on."""

    worth: Worth
    trained: list[TrainedNetwork] = field(default_factory=list)
    steps: list[tuple[float, float]] = field(default_factory=list)
    trials: int = 0
    ended_early: int = 0

    def add(self, row: TrainedNetwork, spent: float) -> None:
        """A network trained to its end, after the devices have worked `spent` seconds."""
        self.trained.append(row)
        self.steps.append((spent, self.worth(self.trained)))

    def at(self, moment: float) -> float:
        """The worth at a moment."""
        known = [worth for when, worth in self.steps if when <= moment]
        return known[-1] if known else self.worth(())


def search(
    table: Mapping[str, TrainedNetwork],
    controller: str,
    scheduler: str,
    seed: int,
    until: float,
    found: Found,
    reward: Reward,
) -> Found:
    """One search, until all devices together have worked for `until` seconds."""
    inner, _ = make_scheduler(None if scheduler == "none" else scheduler, Curves())
    if inner is not None:
        inner.set_search_properties("reward", "max")
    score = scorer(reward)
    asked = nas.AskTell(Net, controller, reward=reward, seed=seed)
    spent = 0.0
    devices: list[tuple[float, int, Iterator[Point]]] = []  # when it reports next, number, rest

    def begin(now: float) -> None:
        proposal = asked.ask()
        if proposal is None:
            return
        row = table[key(proposal.architecture)]
        if inner is not None:
            inner.on_trial_add(NOBODY, Past(proposal.number))
        costs = {"parameters": float(row.parameters)}
        points = (
            Point(STRIDE * (i + 1), {"accuracy": value, **costs})
            for i, value in enumerate(row.curve)
        )
        heapq.heappush(devices, (now + row.seconds / EVALUATIONS, proposal.number, points))

    for _ in range(DEVICES):
        begin(0.0)
    while devices and spent < until:
        now, number, points = heapq.heappop(devices)
        point = next(points)
        row = table[key(asked.history[number].architecture)]
        spent += row.seconds / EVALUATIONS
        asked.report(number, point)
        told = Measurement(point.metrics, row.seconds, point.step, asked.history[number].points)
        if point.step == STEPS:
            asked.tell(number, told)
            found.add(row, spent)
        elif stops(inner, score, number, point):
            asked.tell(number, Stopped(scheduler, told))
            found.ended_early += 1
        else:
            heapq.heappush(devices, (now + row.seconds / EVALUATIONS, number, points))
            continue
        found.trials += 1
        begin(now)
    return found


class Past:
    """A trial, as far as a scheduler looks at it."""

    def __init__(self, number: int) -> None:
        self.trial_id = str(number)


NOBODY: Any = SimpleNamespace(get_live_trials=list)


def stops(inner: Any, score: Score, number: int, point: Point) -> bool:
    """Whether the scheduler ends a trial at this point."""
    if inner is None:
        return False
    seen = scored(inner, score, point.step, point.metrics)
    return bool(inner.on_trial_result(NOBODY, Past(number), seen) == "STOP")


def same(runs: Sequence[Found], without: Sequence[Found], full: float) -> str:
    """The device time after which the mean is that of `without` after `EQUAL` full trainings.

    As a share of that time, in steps of a tenth of a full training.
    """
    goal = statistics.mean(run.at(EQUAL * full) for run in without)
    for tenths in range(10 * MOMENTS[-1] + 1):
        if statistics.mean(run.at(tenths / 10 * full) for run in runs) >= goal:
            return f"{tenths / 10 / EQUAL:.2f}"
    return f"over {MOMENTS[-1] / EQUAL:.0f}"


def compared(
    table: Mapping[str, TrainedNetwork],
    controllers: Sequence[str],
    reward: Reward,
    worth: Worth,
    seeds: int,
) -> list[str]:
    """Run all searches for a reward; the table of what they found."""
    full = statistics.mean(row.seconds for row in table.values())
    moments = " | ".join(f"after {moment}" for moment in MOMENTS)
    lines = [
        f"| controller | scheduler | {moments} | device time for the same | trials | ended early |",
        f"|---|---|{'--:|' * len(MOMENTS)}--:|--:|--:|",
    ]
    for controller in controllers:
        without: list[Found] = []
        for scheduler in ("none", *NAMES):
            runs = [
                search(table, controller, scheduler, seed, MOMENTS[-1] * full, Found(worth), reward)
                for seed in range(seeds)
            ]
            cells = []
            for moment in MOMENTS:
                found = [run.at(moment * full) for run in runs]
                cells.append(f"{statistics.mean(found):.2f} ± {statistics.stdev(found):.2f}")
            without = without or runs
            cells.append("" if runs is without else same(runs, without, full))
            cells.append(f"{statistics.mean(run.trials for run in runs):.0f}")
            cells.append(f"{statistics.mean(run.ended_early for run in runs):.0f}")
            lines.append(f"| {controller} | {scheduler} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    return lines


def main() -> None:
    """Fill the table, search, write the page's tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="MNIST as an npz file; for a new table only.")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks/asha.md"))
    options = parser.parse_args()
    if options.data is not None:
        fill_table(options.data, options.table)
    nets = {key(net): net for net in all_nets()}
    table = {
        row["arch"]: TrainedNetwork(
            tuple(float(row[f"val_{STRIDE * (i + 1)}"]) for i in range(EVALUATIONS)),
            float(row["test"]),
            float(row["seconds"]),
            parameters(nets[row["arch"]]),
        )
        for row in rows(options.table)
    }
    one = compared(
        table, ("random", "evolution", "auto"), ACCURACY, accuracy_of_best, options.seeds
    )
    two = compared(table, ("random", "nsga2", "auto"), FRONT, share_of_front(table), options.seeds)
    write_tables(options.page, {"one": one, "two": two})


def write_tables(page: Path, tables: Mapping[str, Sequence[str]]) -> None:
    """Put each table between the marks of its name."""
    text = page.read_text()
    for name, lines in tables.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = "\n".join([f"{before}{begin}", "", *lines, "", f"{end}{after}"])
    page.write_text(text)


if __name__ == "__main__":
    main()
