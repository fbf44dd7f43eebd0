"""package: a task that derives from one of raynas, and a second search."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


SIZES = []
SIZES.extend([4, 8])

import dataclasses

from raynas.errors import InfeasibleArchitecture


class Own(nas.Task):
    metric, mode = "acc", "max"

    def run(self, architecture, context):
        return nas.Measurement({"acc": 1.0})


@searchable
class Net:
    width: int = choice(*SIZES)

    def build(self):
        if self.width > 8:
            raise InfeasibleArchitecture("too wide")
        return nn.Sequential(nn.Linear(4, SIZES[-1]), nn.Linear(SIZES[-1], 2))


def other_search():
    return dataclasses.replace(search, seed=1)


search = nas.Search(Net, TASK, controller='random')
again = dataclasses.replace(search, seed=3, task=Own())
