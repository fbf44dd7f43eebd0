"""A module beside the search files."""
from torch import nn

SCALE = 2.0


class Times(nn.Module):
    def forward(self, x):
        return SCALE * x


def head(width):
    return nn.Sequential(nn.Linear(width, 2), Times())
