"""refused (imports helpers): a module imported by its name as text."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable

import importlib


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self):
        made = importlib.import_module("helpers")
        return nn.Sequential(nn.Linear(4, self.width), made.head(self.width))


search = nas.Search(Net, TASK, controller='random')
