"""What LightningTask, and a whole search, add to a small trial on digits, in a warm process.

`python benchmarks/lightning_trial.py` trains one network of `examples/digits.py` for 50 steps, in
turns: by a torch loop of a dozen lines that splits, seeds, schedules and validates as LightningTask
does; by Lightning's Trainer with the same data module, split and settings, and nothing of raynas;
by LightningTask; by LightningTask with checkpoints. Then it searches with one trial at a time,
where every trial is that network: from one result to the next is a trial with all that Ray Tune and
raynas add, and the first result comes after a cold start. It prints medians, and what each adds to
what it is compared with.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import Subset

from examples.digits import Classifier, Conv, DigitsData, DigitsNet
from raynas import Context, LightningTask, Limits, Search
from raynas.asktell import AskTell
from raynas.space import integer, searchable
from raynas.tasks.lightning.split import stage1

logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
warnings.filterwarnings("ignore")
STEPS = 50
PARTS = [part.tolist() for part in stage1(DigitsData).positions or ()]
NET = DigitsNet(width=8, blocks=(Conv(3, "relu"),))


def main() -> None:
    """Time all and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=20)
    rounds = arguments.parse_args().rounds
    torch.set_num_threads(1)
    task = LightningTask(Classifier, DigitsData, "val_accuracy", STEPS)
    kept = LightningTask(Classifier, DigitsData, "val_accuracy", STEPS, checkpoint_every=25)
    ways: dict[str, Callable[[], Any]] = {
        "torch loop": bare,
        "Lightning": lightning,
        "LightningTask": lambda: task.run(NET, Context(seed=1)),
        "with checkpoints": lambda: kept.run(NET, Context(seed=1)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    cold, seconds["in a search"] = searched(task, rounds)
    for name in seconds:
        compared = "torch loop" if name == "Lightning" else "Lightning"
        median, base = (statistics.median(seconds[of]) for of in (name, compared))
        more = "" if name == "torch loop" else f", {(median - base) * 1e3:+6.1f} ms to {compared}"
        print(f"{name:17} {median * 1e3:7.1f} ms{more}")
    print(f"cold start to the first result: {cold:.1f} s")


def lightning() -> None:
    """The same training by Lightning alone."""
    pl.seed_everything(1, verbose=False)
    module = Scheduled(NET.build())
    trainer = pl.Trainer(
        accelerator="cpu",
        max_steps=STEPS,
        max_epochs=-1,
        val_check_interval=STEPS,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, datamodule=SplitData())


class SplitData(DigitsData):
    """With the split that LightningTask makes, written down."""

    def setup(self, stage: str) -> None:
        """Read the digits, and divide the training part."""
        super().setup(stage)
        train, held_out = PARTS
        self.test = Subset(self.train, held_out)  # type: ignore[assignment]
        self.train = Subset(self.train, train)  # type: ignore[assignment]


class Scheduled(Classifier):
    """With the schedule that LightningTask brings."""

    def configure_optimizers(self) -> Any:
        """Adam along a cosine."""
        optimizer = super().configure_optimizers()
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


@searchable
class Same:
    """A space whose architectures are all the same network."""

    number: int = integer(1, 1_000_000)

    def build(self) -> nn.Module:
        """That network."""
        return NET.build()


def searched(task: LightningTask, rounds: int) -> tuple[float, list[float]]:
    """Seconds from the start to the first result, and from each result to the next."""
    times: list[float] = []
    tell = AskTell.tell

    def timed(self: Any, *values: Any, **options: Any) -> Any:
        outcome = tell(self, *values, **options)
        times.append(time.perf_counter())
        return outcome

    AskTell.tell = timed  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory(prefix="lightning-trial-") as folder:
        search = Search(
            Same,
            task,
            controller="random",
            rules=(),
            limits=Limits(trials=rounds + 2, parallel=1),
            name="lightning-trial",
            folder=folder,
        )
        start = time.perf_counter()
        search.run()
    warm = times[1:]
    return times[0] - start, [b - a for a, b in itertools.pairwise(warm)]


def bare() -> float:
    """The same training without Lightning."""
    data = SplitData()
    data.setup("fit")
    train, validation = data.train_dataloader(), data.val_dataloader()
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
