"""file: arguments of build."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable

from base import Data, Module


@searchable
class Net:
    width: int = choice(4, 8)

    def build(self, act, classes, dtype, **more):
        assert more == {"not an identifier": (1, None)}
        return nn.Sequential(nn.Linear(4, self.width), act(), nn.Linear(self.width, classes, dtype=dtype))


GIVEN = {"act": nn.SiLU, "classes": 2, "dtype": torch.float32, "not an identifier": (1, None)}
TASK = nas.LightningTask(Module, Data, "acc", max_steps=4, build=GIVEN)


search = nas.Search(Net, TASK, controller='random')
