"""file: a buffer that is not saved."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


class Body(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(4, 2)
        self.register_buffer("places", torch.arange(4.0), persistent=False)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.linear(self.norm(x) + self.places)


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self):
        return Body(self.width)


search = nas.Search(Net, TASK, controller='random')
