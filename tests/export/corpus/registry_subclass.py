"""package: a registry filled by __init_subclass__."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


class Act(nn.Module):
    known = {}

    def __init_subclass__(cls):
        Act.known[cls.__name__] = cls


class Thrice(Act):
    def forward(self, x):
        return 3 * x



@searchable
class Net:
    act: str = choice("Thrice")

    def build(self):
        return nn.Sequential(nn.Linear(4, 6), Act.known[self.act](), nn.Linear(6, 2))


search = nas.Search(Net, TASK, controller='random')
