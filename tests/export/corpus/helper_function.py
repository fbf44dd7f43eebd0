"""file: a constant and functions of the same file."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


FACTOR = 3


def wide(width):
    return FACTOR * width


@searchable
class Net:
    width: int = integer(2, 8, step=2)

    def build(self):
        return nn.Sequential(nn.Linear(4, wide(self.width)), nn.ReLU(), nn.Linear(wide(self.width), 2))


search = nas.Search(Net, TASK, controller='random')
