"""error (do not determine): a random tensor that is not saved."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


class Body(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear, self.mix = nn.Linear(4, 2), torch.randn(4, 4)

    def forward(self, x):
        return self.linear(x @ self.mix)


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self):
        return Body(self.width)


search = nas.Search(Net, TASK, controller='random')
