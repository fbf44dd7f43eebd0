"""package: layers of few bits, in a registry."""

from torch import nn

import raynas as nas
from base import TASK
from raynas.quantization import quantized
from raynas.space import choice, searchable

MAKERS = {}


def maker(function):
    MAKERS[function.__name__] = function
    return function


@maker
def small(width, bits):
    return quantized(nn.Linear(4, width), bits)


@searchable
class Net:
    bits: int = choice(2, 4)

    def build(self):
        return nn.Sequential(MAKERS["small"](6, self.bits), nn.ReLU(), nn.Linear(6, 2))


search = nas.Search(Net, TASK, controller='random')
