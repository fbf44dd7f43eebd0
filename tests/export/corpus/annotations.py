"""file: names that only annotations use."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable

import collections.abc
from base import Data


class Body(nn.Module):
    data: Data

    def __init__(self, width: int, _: Data | None = None) -> None:
        super().__init__()
        self.linear: nn.Linear = nn.Linear(4, 2)

    def forward(self, x: collections.abc.Sequence) -> "Data":
        out: Data = self.linear(x)
        return out


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self):
        return Body(self.width)


search = nas.Search(Net, TASK, controller='random')
