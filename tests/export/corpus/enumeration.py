"""file: members of an enum."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable

import enum


class Act(enum.Enum):
    RELU = 1
    TANH = 2


@searchable
class Net:
    act: Act = choice(Act.RELU, Act.TANH)

    def build(self):
        return nn.Sequential(nn.Linear(4, 2), nn.ReLU() if self.act is Act.RELU else nn.Tanh())


search = nas.Search(Net, TASK, controller='random')
