"""weights refused (does not hold the network that it is given): a LightningModule that copies the network."""

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

import copy

from base import Data, Module


class Copying(Module):
    def __init__(self, network):
        super().__init__(copy.deepcopy(network))


TASK = nas.LightningTask(Copying, Data, "acc", max_steps=4)


search = nas.Search(Net, TASK, controller='random')
