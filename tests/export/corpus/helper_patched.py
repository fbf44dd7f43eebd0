"""package: a constant of another module, changed here."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable

import helpers

helpers.SCALE = 3.0


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self):
        return nn.Sequential(nn.Linear(4, self.width), helpers.head(self.width))


search = nas.Search(Net, TASK, controller='random')
