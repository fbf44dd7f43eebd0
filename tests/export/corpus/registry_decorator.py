"""package: a registry filled by a decorator."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


LAYERS = {}


def register(name):
    def put(function):
        LAYERS[name] = function
        return function

    return put


@register("relu")
def relu():
    return nn.ReLU()


@register("tanh")
def tanh():
    return nn.Tanh()



@searchable
class Net:
    act: str = choice("relu", "tanh")

    def build(self):
        return nn.Sequential(nn.Linear(4, 6), LAYERS[self.act](), nn.Linear(6, 2))


search = nas.Search(Net, TASK, controller='random')
