"""error (do not determine): a random buffer that is not saved."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


class Body(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(4, 2)
        self.register_buffer("mix", torch.randn(4, 4), persistent=False)

    def forward(self, x):
        return self.linear(x @ self.mix)


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self):
        return Body(self.width)


search = nas.Search(Net, TASK, controller='random')
