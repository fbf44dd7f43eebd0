"""file: dtypes."""

import torch
from torch import nn

import raynas as nas
from base import TASK
from raynas.space import choice, integer, repeat, searchable


class Cast(nn.Module):
    def __init__(self, dtype):
        super().__init__()
        self.dtype, self.linear = dtype, nn.Linear(4, 2)

    def forward(self, x):
        return self.linear(x).to(self.dtype).round(decimals=1).float()


@searchable
class Net:
    dtype: torch.dtype = choice(torch.float32, torch.float64, torch.float16)

    def build(self):
        return Cast(self.dtype)


search = nas.Search(Net, TASK, controller='random')
