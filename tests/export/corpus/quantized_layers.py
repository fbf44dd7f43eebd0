"""file: layers of few bits, of raynas's own module."""

from torch import nn

import raynas as nas
from base import TASK
from raynas.quantization import quantized
from raynas.space import choice, searchable


@searchable
class Net:
    bits: int = choice(3, 4)

    def build(self):
        body = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5))
        return nn.Sequential(quantized(body, self.bits), quantized(nn.Linear(5, 2), 8))


search = nas.Search(Net, TASK, controller='random')
