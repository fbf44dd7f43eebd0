"""What LightningTask adds to a bare torch loop: a small trial on digits, in a warm process.

`python benchmarks/lightning_trial.py` trains one network of `examples/digits.py` for 50 steps, once
by a loop of a dozen lines that splits, seeds, schedules and validates as LightningTask does, and
once by LightningTask, in turns, and prints the medians and what each part costs.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from examples.digits import Classifier, Conv, DigitsData, DigitsNet
from raynas import Context, LightningTask
from raynas.tasks.split import split_loaders

STEPS = 50
NET = DigitsNet(width=8, blocks=(Conv(3, "relu"),))


def main() -> None:
    """Time both and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=20)
    rounds = arguments.parse_args().rounds
    torch.set_num_threads(1)
    task = LightningTask(Classifier, DigitsData, "val_accuracy", STEPS)
    ways: dict[str, Callable[[], Any]] = {
        "bare loop": bare,
        "LightningTask": lambda: task.run(NET, Context(seed=1)),
        "  with checkpoints": lambda: LightningTask(
            Classifier, DigitsData, "val_accuracy", STEPS, checkpoint_every=25
        ).run(NET, Context(seed=1)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    base = statistics.median(seconds["bare loop"])
    for name, values in seconds.items():
        median = statistics.median(values)
        added = statistics.median(
            value - plain for value, plain in zip(values, seconds["bare loop"], strict=True)
        )
        print(
            f"{name:20} {median * 1e3:7.1f} ms, added {added * 1e3:6.1f} ms, x {median / base:.2f}"
        )


def bare() -> float:
    """The same training without Lightning."""
    train, validation = split_loaders(DigitsData, 0.1, 0)
    torch.manual_seed(1)
    network = NET.build()
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    step = 0
    while step < STEPS:
        for images, labels in train:
            loss = nn.functional.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            step += 1
            if step == STEPS:
                break
    network.eval()
    with torch.no_grad():
        right = sum(
            float((network(images).argmax(dim=1) == labels).sum()) for images, labels in validation
        )
    return right / len(validation.dataset)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
