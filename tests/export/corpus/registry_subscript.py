"""package: a registry filled line by line."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


LAYERS = {"relu": nn.ReLU}
LAYERS["silu"] = nn.SiLU


@searchable
class Net:
    act: str = choice("relu", "silu")

    def build(self):
        return nn.Sequential(nn.Linear(4, 6), LAYERS[self.act](), nn.Linear(6, 2))


search = nas.Search(Net, TASK, controller='random')
