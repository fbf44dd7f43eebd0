"""Measure a table of 256 networks on spoken digits, each trained at five budgets of its own.

Every network of `DigitsNet` is trained for 1/60, 1/30, 1/15, 1/4 and all of the 480 steps of a
full training, with a cosine schedule fitted to that number of steps, and with two seeds. Below a
full training a fifth of the training clips is held out for validation; a full training uses all of
them and validates on the validation clips. All are tested on the test clips.

    python benchmarks/digits_table.py --data FOLDER [--table FILE]

FOLDER has data_fsdd_logmel.npz: 3,000 clips of the Free Spoken Digit Dataset as log-mels of 32
bands and 32 frames. Takes 0 to 9 of each speaker and digit are the test clips, takes 10 to 14 the
validation clips, and the others the training clips. Rows that the table has already are kept, so
that a run that was broken off goes on; the order of networks is random, so that an unfinished table
is a fair sample.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from raynas import Space
from raynas.space import choice, searchable

TABLE = Path(__file__).parent / "digits_table.csv"
FULL_STEPS = 480
STEPS = (8, 16, 32, 120, FULL_STEPS)
SEEDS = (0, 1)
BATCH, RATE, DECAY, WARMUP = 32, 1.5e-2, 1e-2, 0.1
HELD_OUT = 0.2


@searchable
class DigitsNet:
    """Convolutions over time with the mel bands as channels, pooled at the end."""

    width: int = choice(4, 8, 16, 32)
    kernel: int = choice(1, 3, 5, 9)
    depth: int = choice(1, 2, 3, 4)
    residual: bool = choice(False, True)
    pool: str = choice("average", "max")

    @property
    def key(self) -> str:
        """The choices, as the table writes them."""
        return f"{self.width}-{self.kernel}-{self.depth}-{int(self.residual)}-{self.pool}"

    def build(self) -> nn.Module:
        """The network."""
        pool = nn.AdaptiveAvgPool1d if self.pool == "average" else nn.AdaptiveMaxPool1d
        return nn.Sequential(
            nn.Conv1d(32, self.width, 1),
            *(Layer(self.width, self.kernel, self.residual) for _ in range(self.depth)),
            pool(2),
            nn.Flatten(),
            nn.Linear(2 * self.width, 10),
        )


class Layer(nn.Module):
    """A convolution with batch normalization and ReLU, around which a shortcut may lead."""

    def __init__(self, width: int, kernel: int, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        self.layer = nn.Sequential(
            nn.Conv1d(width, width, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keeps the shape ``(batch, width, frames)``."""
        out: torch.Tensor = self.layer(x)
        return x + out if self.residual else out


class Clips:
    """The clips and their digits, by part.

    Args:
        folder: Where data_fsdd_logmel.npz is.
    """

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "data_fsdd_logmel.npz") as file:
            x = torch.tensor(file["x"], dtype=torch.float32).reshape(-1, 32, 32)
            y = torch.tensor(file["y"], dtype=torch.long)
            take = torch.tensor(file["take"])
        train = take >= 15
        x = (x - x[train].mean()) / x[train].std()
        self.train = x[train], y[train]
        self.validation = x[(take >= 10) & (take < 15)], y[(take >= 10) & (take < 15)]
        self.test = x[take < 10], y[take < 10]


def accuracy(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """The share of clips that the network gets right."""
    network.eval()
    with torch.no_grad():
        return float((network(x).argmax(1) == y).float().mean())


def trained(net: DigitsNet, clips: Clips, steps: int, seed: int) -> tuple[float, float]:
    """Validation and test accuracy after a training of so many steps."""
    torch.manual_seed(seed)
    x, y = clips.train
    held_out = clips.validation
    if steps < FULL_STEPS:
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
        out, kept = order[: int(HELD_OUT * len(x))], order[int(HELD_OUT * len(x)) :]
        held_out, x, y = (x[out], y[out]), x[kept], y[kept]
    network = net.build()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY, fused=True)
    warmup = max(1, round(WARMUP * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min((step + 1) / warmup, 0.5 + 0.5 * math.cos(math.pi * step / steps)),
    )
    loss = nn.CrossEntropyLoss()
    batches: list[torch.Tensor] = []
    for _ in range(steps):
        if not batches:
            batches = [b for b in torch.randperm(len(x)).split(BATCH) if len(b) == BATCH]
        batch = batches.pop()
        optimizer.zero_grad()
        loss(network(x[batch]), y[batch]).backward()
        optimizer.step()
        schedule.step()
    return accuracy(network, *held_out), accuracy(network, *clips.test)


def rows_of(table: Path) -> list[dict[str, str]]:
    """The rows that a table has; where there is none, an empty one is begun."""
    if not table.exists():
        table.write_text("arch,seed,steps,validation,test,seconds\n")
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Train what the table does not have yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--table", type=Path, default=TABLE)
    options = parser.parse_args()
    torch.set_num_threads(1)
    clips = Clips(options.data)
    known = {(r["arch"], int(r["seed"]), int(r["steps"])) for r in rows_of(options.table)}
    nets = list(Space(DigitsNet).enumerate())
    order = np.random.default_rng(0).permutation(len(nets))
    for place in order:
        for seed in SEEDS:
            for steps in STEPS:
                net = nets[place]
                if (net.key, seed, steps) in known:
                    continue
                began = time.perf_counter()
                validation, test = trained(net, clips, steps, seed)
                row = f"{net.key},{seed},{steps},{validation:.4f},{test:.4f}"
                with options.table.open("a") as file:
                    file.write(f"{row},{time.perf_counter() - began:.2f}\n")


if __name__ == "__main__":
    main()
