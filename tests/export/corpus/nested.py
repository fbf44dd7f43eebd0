"""file: searchable classes in searchable classes."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


@searchable
class Dense:
    width: int = choice(4, 6)
    act: str = choice("relu", "tanh", default="tanh")


@searchable
class Skip: ...


@searchable
class Net:
    blocks: tuple[Dense | Skip, ...] = repeat(choice(Dense, Skip), 2, 3)

    def build(self):
        layers = []
        for block in self.blocks:
            if isinstance(block, Dense):
                act = nn.ReLU() if block.act == "relu" else nn.Tanh()
                layers += [nn.Linear(4, block.width), act, nn.Linear(block.width, 4)]
        return nn.Sequential(*layers, nn.Linear(4, 2))


search = nas.Search(Net, TASK, controller='random')
