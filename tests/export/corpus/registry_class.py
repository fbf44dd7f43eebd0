"""package: a registry on a class."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


class Registry:
    known = {}

    @classmethod
    def add(cls, made):
        cls.known[made.__name__] = made
        return made


@Registry.add
class Twice(nn.Module):
    def forward(self, x):
        return 2 * x



@searchable
class Net:
    act: str = choice("Twice")

    def build(self):
        return nn.Sequential(nn.Linear(4, 6), Registry.known[self.act](), nn.Linear(6, 2))


search = nas.Search(Net, TASK, controller='random')
