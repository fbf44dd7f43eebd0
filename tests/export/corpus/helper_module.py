"""package: a module beside it, by the module's name."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable

import helpers


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self):
        return nn.Sequential(nn.Linear(4, self.width), helpers.head(self.width))


search = nas.Search(Net, TASK, controller='random')
