"""Measure the learning curves of 288 spiking networks on spoken digits.

Every network of `SpikingNet` is trained for 972 steps at a constant learning rate with two seeds,
and tested after 1/27, 1/9, 1/3 and all of them.

    python benchmarks/spiking_curves.py --data FOLDER [--table FILE]

FOLDER has data_fsdd_logmel.npz; the clips are those of `digits_table.py`. Rows that the table has
already are kept, so that a run that was broken off goes on; the order of networks is random, so
that an unfinished table is a fair sample.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from digits_table import Clips, accuracy, rows_of
from torch import nn

from raynas import Space
from raynas.space import choice, searchable

TABLE = Path(__file__).parent / "spiking_curves.csv"
STEPS = (36, 108, 324, 972)
SEEDS = (0, 1)
BATCH, RATE = 32, 1e-2
FRAMES = 2  # of a clip, seen at each of 16 points of time


@searchable
class SpikingNet:
    """Layers of leaky integrate-and-fire neurons, trained with surrogate gradients.

    Neftci, Mostafa and Zenke 2019, "Surrogate Gradient Learning in Spiking Neural Networks".
    """

    width: int = choice(16, 32, 64, 128)
    depth: int = choice(1, 2, 3)
    recurrent: bool = choice(False, True)
    decay: str = choice("0.5", "0.8", "0.95")
    reset: str = choice("subtract", "zero")
    readout: str = choice("spikes", "membrane")

    @property
    def key(self) -> str:
        """The choices, as the table writes them."""
        size = f"{self.width}-{self.depth}-{int(self.recurrent)}"
        return f"{size}-{self.decay}-{self.reset}-{self.readout}"

    def build(self) -> nn.Module:
        """The network."""
        return Spiking(self)


class Spike(torch.autograd.Function):
    """A spike where the input is positive, with the derivative of a fast sigmoid."""

    @staticmethod
    def forward(ctx: Any, above: torch.Tensor) -> torch.Tensor:
        """1 for a spike, else 0."""
        ctx.save_for_backward(above)
        return (above > 0).to(above.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """The surrogate gradient."""
        (above,) = ctx.saved_tensors
        return gradients[0] / (1 + 5 * above.abs()) ** 2


class Layer(nn.Module):
    """Leaky integrate-and-fire neurons of threshold 1.

    Args:
        inputs: Number of inputs.
        net: What they are like.
    """

    def __init__(self, inputs: int, net: SpikingNet) -> None:
        super().__init__()
        self.decay, self.reset = float(net.decay), net.reset
        self.input = nn.Linear(inputs, net.width)
        self.recurrent = nn.Linear(net.width, net.width, bias=False) if net.recurrent else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From inputs of shape ``(time, batch, inputs)`` to spikes ``(time, batch, width)``."""
        currents = self.input(x)
        membrane = spikes = torch.zeros_like(currents[0])
        found = []
        for current in currents:
            if self.recurrent is not None:
                current = current + self.recurrent(spikes)
            left = membrane - spikes if self.reset == "subtract" else membrane * (1 - spikes)
            membrane = self.decay * left + current
            spikes = Spike.apply(membrane - 1)  # type: ignore[no-untyped-call] # torch has no types here
            found.append(spikes)
        return torch.stack(found)


class Spiking(nn.Module):
    """The network of a `SpikingNet`."""

    def __init__(self, net: SpikingNet) -> None:
        super().__init__()
        inputs = (32 * FRAMES, *[net.width] * (net.depth - 1))
        self.layers = nn.Sequential(*(Layer(size, net) for size in inputs))
        self.last = nn.Linear(net.width, 10)
        self.decay = 1.0 if net.readout == "spikes" else float(net.decay)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """From clips of shape ``(batch, 32, 32)`` to logits."""
        clips = x.reshape(len(x), 32, -1, FRAMES).permute(2, 0, 1, 3).flatten(2)
        spikes = self.layers(clips)
        weights = self.decay ** torch.arange(len(spikes) - 1, -1, -1.0)
        logits: torch.Tensor = self.last(torch.einsum("tbw,t->bw", spikes, weights / weights.sum()))
        return logits


def curve(net: SpikingNet, clips: Clips, seed: int) -> list[tuple[float, float]]:
    """Validation and test accuracy after each of `STEPS`."""
    torch.manual_seed(seed)
    x, y = clips.train
    network = net.build()
    optimizer = torch.optim.Adam(network.parameters(), RATE, fused=True)
    loss = nn.CrossEntropyLoss()
    found, batches = [], list[torch.Tensor]()
    for step in range(1, STEPS[-1] + 1):
        network.train()
        if not batches:
            batches = [b for b in torch.randperm(len(x)).split(BATCH) if len(b) == BATCH]
        batch = batches.pop()
        optimizer.zero_grad()
        loss(network(x[batch]), y[batch]).backward()
        optimizer.step()
        if step in STEPS:
            found.append((accuracy(network, *clips.validation), accuracy(network, *clips.test)))
    return found


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
    known = {(row["arch"], int(row["seed"])) for row in rows_of(options.table)}
    nets = list(Space(SpikingNet).enumerate())
    for place in np.random.default_rng(0).permutation(len(nets)):
        for seed in SEEDS:
            net = nets[place]
            if (net.key, seed) in known:
                continue
            began = time.perf_counter()
            found = curve(net, clips, seed)
            seconds = time.perf_counter() - began
            rows = [
                f"{net.key},{seed},{steps},{validation:.4f},{test:.4f},{seconds:.2f}\n"
                for steps, (validation, test) in zip(STEPS, found, strict=True)
            ]
            with options.table.open("a") as file:
                file.write("".join(rows))


if __name__ == "__main__":
    main()
