"""package: a package's module taken with from, as its __init__ takes others."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable

from proj import sizes


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self):
        return nn.Sequential(nn.Linear(4, self.width), nn.Linear(self.width, sizes.MORE))


search = nas.Search(Net, TASK, controller='random')
