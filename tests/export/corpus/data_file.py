"""refused (sizes.txt): a file beside the module, and a registry."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable

from pathlib import Path

SIZES = [int(Path(__file__).with_name("sizes.txt").read_text())]
SIZES.append(3)


class Body(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, x):
        return self.layers(x) * SIZES[0]


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self):
        return Body(self.width)


search = nas.Search(Net, TASK, controller='random')
