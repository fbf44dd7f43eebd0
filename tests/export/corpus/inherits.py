"""file: a searchable class that derives from another."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


@searchable
class Base:
    width: int = choice(4, 8)
    deep: bool = choice(True, False)

    def hidden(self):
        return nn.Linear(4, self.width)


@searchable
class Net(Base):
    width: int = choice(5, 7)
    bias: bool = False

    def build(self):
        return nn.Sequential(self.hidden(), nn.Linear(self.width, 2, bias=self.bias))


search = nas.Search(Net, TASK, controller='random')
