"""file: values of classes of one's own."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable

import dataclasses
from fractions import Fraction
from typing import NamedTuple


@dataclasses.dataclass(frozen=True)
class Size:
    width: int
    share: Fraction


class Kernel(NamedTuple):
    size: int


@searchable
class Net:
    size: Size = choice(Size(4, Fraction(1, 2)), Size(8, Fraction(1, 4)))
    kernel: Kernel = choice(Kernel(3), Kernel(5))

    def build(self):
        width = int(self.size.width * self.size.share) + self.kernel.size
        return nn.Sequential(nn.Linear(4, width), nn.Linear(width, 2))


search = nas.Search(Net, TASK, controller='random')
