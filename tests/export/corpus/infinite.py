"""file: an infinite number."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


@searchable
class Net:
    high: float = choice(float("inf"))

    def build(self):
        return nn.Sequential(nn.Linear(4, 6), nn.Hardtanh(-1.0, self.high), nn.Linear(6, 2))


search = nas.Search(Net, TASK, controller='random')
