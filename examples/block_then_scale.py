"""A block found on a small network, which is then enlarged: `raynas search examples/...`.

The block is searched at half of the width, where trials are cheap. The second stage chooses
depth and width for it, within a bound on the parameters of the network.
"""

import pytorch_lightning as pl
import torch
from digits import Classifier, DigitsData
from torch import nn

import raynas as nas
from raynas.rewards import AtMost
from raynas.space import choice, searchable
from raynas.stages import Scaling

ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU, "gelu": nn.GELU}


@searchable
class Block:
    """What a network repeats."""

    kernel: int = choice(3, 5, default=3)
    expansion: int = choice(1, 2, 4, default=2)
    activation: str = choice("relu", "silu", "gelu", default="relu")
    separable: bool = choice(False, True, default=False)
    residual: bool = choice(False, True, default=False)

    def build(self, *, width: float = 1.0, depth: float = 1.0) -> nn.Module:
        channels = max(4, round(16 * width))
        blocks = (_Block(self, channels) for _ in range(max(1, round(2 * depth))))
        stem = (nn.Conv2d(1, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU())
        head = (nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * channels, 10))
        return nn.Sequential(*stem, *blocks, *head)


class _Block(nn.Module):
    def __init__(self, block: Block, channels: int) -> None:
        super().__init__()
        inner = channels * block.expansion
        groups = inner if block.separable else 1
        self.residual = block.residual
        self.layers = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            ACTIVATIONS[block.activation](),
            nn.Conv2d(inner, inner, block.kernel, padding="same", groups=groups, bias=False),
            nn.BatchNorm2d(inner),
            ACTIVATIONS[block.activation](),
            nn.Conv2d(inner, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.layers(images)
        return images + changed if self.residual else changed


def task(max_steps: int, **build: float) -> nas.LightningTask:
    """A training of so many steps, of networks built with these factors."""
    module: type[pl.LightningModule] = Classifier
    return nas.LightningTask(module, DigitsData, "val_accuracy", max_steps=max_steps, build=build)


search = nas.Stages(
    {
        "block": nas.Search(
            space=Block, task=task(60, width=0.5), limits=nas.Limits(trials=30, parallel=2)
        ),
        "scale": Scaling(
            factors={"width": (0.5, 0.75, 1.0, 1.5, 2.0), "depth": (0.5, 1.0, 1.5, 2.0)},
            bounds=(AtMost("parameters", 300_000),),
            task=task(120),
            limits=nas.Limits(trials=20, parallel=2),
        ),
    }
)
