"""file: texts with quotation marks and line ends."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


NAMES = {'a"b': 3, "it's": 4, 'x\\n"""\n': 5}


@searchable
class Net:
    name: str = choice('a"b', "it's", 'x\\n"""\n')

    def build(self):
        return nn.Sequential(nn.Linear(4, NAMES[self.name]), nn.Linear(NAMES[self.name], 2))


search = nas.Search(Net, TASK, controller='random')
