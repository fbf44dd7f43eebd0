"""package: raynas under other names."""

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

import raynas.space as words
from raynas.space import searchable as declared


@declared
class Net:
    width: int = words.choice(4, 8)
    deep: bool = words.choice(True, False, default=True)

    def build(self):
        return Body(self.width)


search = nas.Search(Net, TASK, controller='random')
