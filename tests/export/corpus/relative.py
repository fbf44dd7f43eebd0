"""package: a package whose modules import each other."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable

import proj.layers as made
import proj.sizes


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self):
        return made.network(self.width + proj.sizes.MORE)


search = nas.Search(Net, TASK, controller='random')
