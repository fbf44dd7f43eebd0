"""file: a module that makes its network itself."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable

from base import Data, Module


class Own(Module):
    def __init__(self, architecture):
        super().__init__(nn.Linear(4, architecture.width))
        self.head = nn.Linear(architecture.width, 2)

    def forward(self, x):
        return self.head(self.network(x))


@searchable
class Net:
    width: int = choice(4, 8)


TASK = nas.LightningTask(Own, Data, "acc", max_steps=4)


search = nas.Search(Net, TASK, controller='random')
