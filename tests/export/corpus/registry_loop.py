"""package: a registry filled by a loop."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


LAYERS = {}
for kind in (nn.ReLU, nn.SiLU):
    LAYERS[kind.__name__] = kind


@searchable
class Net:
    act: str = choice("ReLU", "SiLU")

    def build(self):
        return nn.Sequential(nn.Linear(4, 6), LAYERS[self.act](), nn.Linear(6, 2))


search = nas.Search(Net, TASK, controller='random')
