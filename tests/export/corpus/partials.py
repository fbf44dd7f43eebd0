"""file: partial functions."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable

from functools import partial

@searchable
class Net:
    layer: object = choice(partial(nn.Linear, bias=False), partial(nn.Linear, bias=True))

    def build(self):
        return nn.Sequential(self.layer(4, 4), nn.Linear(4, 2))


search = nas.Search(Net, TASK, controller='random')
