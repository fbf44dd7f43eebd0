"""package: a function wrapped later."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


def scale(x):
    return 2 * x


def doubled(function):
    return lambda x: function(function(x))


scale = doubled(scale)


class Body(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, x):
        return scale(self.layers(x))


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self):
        return Body(self.width)


search = nas.Search(Net, TASK, controller='random')
