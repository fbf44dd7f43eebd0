"""file: classes of a library."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


@searchable
class Net:
    act: type = choice(nn.GELU, nn.Tanh)

    def build(self):
        return nn.Sequential(nn.Linear(4, 6), self.act(), nn.Linear(6, 2))


search = nas.Search(Net, TASK, controller='random')
