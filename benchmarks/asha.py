"""What ending bad trials early saves: final score against device time, with and without ASHA.

    python benchmarks/asha.py --data data_mnist.npz

trains each of 192 small networks once on MNIST and keeps what it measured along the way in
`benchmarks/mnist_curves.csv` (no network that is there is trained again), then searches among them
with the schedulers of `raynas search`, several seeds each. A search trains nothing: it reads the
curves, on devices whose clock goes on by the processor time that the training took.
"""

from __future__ import annotations

import argparse
import csv
import heapq
import itertools
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np

import raynas as nas
from raynas.rewards import Metric
from raynas.space import Space, choice, searchable
from raynas.trials import Measurement, Point, Stopped

TABLE = Path(__file__).parent / "mnist_curves.csv"
STEPS, EVALUATIONS = 270, 9
STRIDE = STEPS // EVALUATIONS
DEVICES = 4
MOMENTS = (5, 10, 20, 40)


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


def fill_table(data: Path, table: Path) -> None:
    """Train what the table has not, each network with a seed of its own."""
    known = {row["arch"] for row in rows(table)}
    options = [column.values for column in Space(Net).columns]
    nets = [Net(*values) for values in itertools.product(*options)]
    missing = [net for net in nets if key(net) not in known]
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


@dataclass
class Found:
    """Test accuracy of the best by validation among the trials run to their end, over time."""

    steps: list[tuple[float, float]] = field(default_factory=list)
    trials: int = 0
    ended_early: int = 0

    def at(self, moment: float) -> float:
        """The accuracy at a moment; 0.1 before anything is known."""
        return next((test for when, test in reversed(self.steps) if when <= moment), 0.1)


def search(
    table: dict[str, TrainedNetwork], controller: str, scheduler: str, seed: int, until: float
) -> Found:
    """One search, until all devices together have worked for `until` seconds."""
    from raynas.tune.schedulers import make_scheduler

    inner, _ = make_scheduler(None if scheduler == "none" else scheduler, Curves())
    if inner is not None:
        inner.set_search_properties("reward", "max")
    asked = nas.AskTell(Net, controller, reward=Metric("accuracy"), seed=seed)
    found, best, spent = Found(), -1.0, 0.0
    devices: list[tuple[float, int, Iterator[Point]]] = []  # when it reports next, number, rest

    def begin(now: float) -> None:
        proposal = asked.ask()
        if proposal is None:
            return
        row = table[key(proposal.architecture)]
        if inner is not None:
            inner.on_trial_add(NOBODY, Past(proposal.number))
        points = (Point(STRIDE * (i + 1), {"accuracy": value}) for i, value in enumerate(row.curve))
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
            if point.metrics["accuracy"] > best:
                best = point.metrics["accuracy"]
                found.steps.append((spent, row.test))
        elif stops(inner, number, point):
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


def stops(inner: Any, number: int, point: Point) -> bool:
    """Whether the scheduler ends a trial at this point."""
    if inner is None:
        return False
    result = {"step": point.step, "reward": point.metrics["accuracy"]}
    return bool(inner.on_trial_result(NOBODY, Past(number), result) == "STOP")


def page(table: dict[str, TrainedNetwork], seeds: int) -> str:
    """Run all searches, and the table of what they found."""
    full = statistics.mean(row.seconds for row in table.values())
    best = max(row.test for row in table.values())
    lines = []
    for controller in ("random", "evolution", "auto"):
        for scheduler in ("none", "asha", "hyperband", "median"):
            runs = [
                search(table, controller, scheduler, seed, MOMENTS[-1] * full)
                for seed in range(seeds)
            ]
            cells = []
            for moment in MOMENTS:
                scores = [100 * run.at(moment * full) for run in runs]
                cells.append(f"{statistics.mean(scores):.2f} ± {statistics.stdev(scores):.2f}")
            trials = statistics.mean(run.trials for run in runs)
            early = statistics.mean(run.ended_early for run in runs)
            lines.append(
                f"| {controller} | {scheduler} | {' | '.join(cells)} | {trials:.0f} | {early:.0f} |"
            )
            print(lines[-1], flush=True)
    return "\n".join(
        [
            "# Ending bad trials early",
            "",
            "Test accuracy, in percent, of the network that is best by validation among those",
            "trained to their end, after the devices together have worked as long as",
            f"{', '.join(map(str, MOMENTS[:-1]))} and {MOMENTS[-1]} full trainings take: mean and",
            f"standard deviation of {seeds} seeds, {DEVICES} trials at a time.",
            f"{len(table)} networks on MNIST (14 by 14, 8,000 images), each trained once for",
            f"{STEPS} steps and looked at {EVALUATIONS} times; the best of all has",
            f"{100 * best:.2f}. Made by",
            "`benchmarks/asha.py`, which reads the trainings' real curves and times from",
            "`benchmarks/mnist_curves.csv` and uses the schedulers that `Search(scheduler=...)`",
            "does, with their settings.",
            "",
            "With random search, ending early is worth about twice the device time, from 20",
            "full trainings on; before, the score is that of the few networks that any of them",
            "has trained to the end. The default controller gains little: it finds the best of",
            "so few networks anyway. Evolution learns only from trials that came to their end,",
            "and has too few of them here to differ from random search.",
            "",
            f"| controller | scheduler | {' | '.join(f'after {m}' for m in MOMENTS)} "
            "| trials | of them ended early |",
            f"|---|---|{'---|' * len(MOMENTS)}---|---|",
            *lines,
            "",
        ]
    )


def main() -> None:
    """Fill the table, search, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="MNIST as an npz file; for a new table only.")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/asha.md"))
    options = parser.parse_args()
    if options.data is not None:
        fill_table(options.data, options.table)
    table = {
        row["arch"]: TrainedNetwork(
            tuple(float(row[f"val_{STRIDE * (i + 1)}"]) for i in range(EVALUATIONS)),
            float(row["test"]),
            float(row["seconds"]),
        )
        for row in rows(options.table)
    }
    options.out.write_text(page(table, options.seeds))


if __name__ == "__main__":
    main()
