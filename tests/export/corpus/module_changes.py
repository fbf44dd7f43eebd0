"""refused (head): a LightningModule that changes the network."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


class Body(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, x):
        return self.layers(x)


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self):
        return Body(self.width)

from base import Data, Module


class Changing(Module):
    def __init__(self, network):
        super().__init__(network)
        network.layers.append(nn.Linear(2, 2))
        network.head = nn.Linear(2, 2)


TASK = nas.LightningTask(Changing, Data, "acc", max_steps=4)


search = nas.Search(Net, TASK, controller='random')
