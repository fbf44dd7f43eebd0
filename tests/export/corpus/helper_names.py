"""file: a function of a module beside it, by its name."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable

from helpers import head as made_head


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self):
        return nn.Sequential(nn.Linear(4, self.width), made_head(self.width))


search = nas.Search(Net, TASK, controller='random')
