"""Small spaces to try a controller on, and a cheap reward whose optimum is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from raynas.space import Space, choice, integer, real, repeat, searchable, shared, subset

__all__ = [
    "OPTIMUM",
    "Conv",
    "DeepNet",
    "LoneNet",
    "MixedNet",
    "Pool",
    "Skip",
    "TinyNet",
    "ToyNet",
    "toy_reward",
    "weighted_reward",
]


@searchable
class Conv:
    """A block with two choices of its own. Size: 6."""

    kernel: int = choice(1, 3, 5)
    activation: str = choice("relu", "silu")


@searchable
class Pool:
    """A block with one choice of its own. Size: 2."""

    kind: str = choice("max", "mean")


@searchable
class Skip:
    """A block without choices. Size: 1."""


@searchable
class ToyNet:
    """A conditional space of variable length. Size: ``4 * (9 + 9**2 + 9**3 + 9**4) = 29,520``."""

    width: int = integer(8, 32, step=8)
    blocks: tuple[Conv | Pool | Skip, ...] = repeat(choice(Conv, Pool, Skip), 1, 4)


@searchable
class TinyNet:
    """A space that a test can exhaust. Size: 6."""

    depth: int = integer(1, 2)
    operation: str = choice("conv", "pool", "skip")


@searchable
class LoneNet:
    """A space of a single architecture, in which there is nothing to decide."""

    depth: int = integer(3, 3)


@searchable
class Scaled:
    """A block of which one number is shared with every other block, and one has no steps."""

    ratio: float = real(0.1, 10.0, log=True)
    groups: int = shared("groups", choice(1, 2, 4))


@searchable
class MixedNet:
    """All kinds of choices: real, shared, subset, conditional, and one class with a constraint.

    Size: infinite.
    """

    dropout: float = real(0.0, 0.5)
    groups: int = shared("groups", choice(1, 2, 4))
    taps: tuple[int, ...] = subset(1, 2, 3, 4, k=(1, 3))
    blocks: tuple[Conv | Scaled, ...] = repeat(choice(Conv, Scaled), 1, 3)

    def is_feasible(self) -> bool:
        """The deepest with most groups cannot be built."""
        return not (len(self.blocks) == 3 and self.groups == 4)


@searchable
class Wide:
    """A block with four choices of its own. Size: 108."""

    kernel: int = choice(1, 3, 5)
    activation: str = choice("relu", "silu", "gelu")
    expansion: int = integer(1, 4)
    norm: str = choice("batch", "layer", "none")


@searchable
class DeepNet:
    """239 choices, of which those of a block depend on its kind. Size: about 10 ** 70."""

    blocks: tuple[Conv | Wide | Skip, ...] = repeat(choice(Conv, Wide, Skip), 20, 34)


OPTIMUM = ToyNet(width=24, blocks=(Conv(3, "silu"), Pool("max"), Conv(5, "relu"), Skip()))
"""The only architecture of `ToyNet` whose `toy_reward` is 1."""


def toy_reward(net: ToyNet) -> float:
    """How much of `OPTIMUM` is in `net`: from 0 to 1, and 1 for `OPTIMUM` alone.

    Blocks count by position: half for the right class, the other half for its fields.
    """
    width = 1 - abs(net.width - OPTIMUM.width) / OPTIMUM.width
    blocks = sum(map(_likeness, net.blocks, OPTIMUM.blocks))
    return (width + blocks) / (1 + len(OPTIMUM.blocks))


def _likeness(block: object, wanted: object) -> float:
    if type(block) is not type(wanted):
        return 0.0
    fields = vars(wanted)
    if not fields:
        return 1.0
    same: int = sum(getattr(block, name) == value for name, value in fields.items())
    return 0.5 + 0.5 * same / len(fields)


def weighted_reward(space: Space[Any], seed: int = 0) -> Callable[[Any], float]:
    """A reward for any space: the sum of a fixed normal weight an option, scaled to their number.

    Args:
        space: Space whose one-hot encoding is weighted.
        seed: Another one gives other weights, such as for a second objective.
    """
    size = len(space.one_hot(space.sample(np.random.default_rng(0))))
    weights = np.random.default_rng([seed, size]).normal(size=size) / size**0.5
    return lambda architecture: float(space.one_hot(architecture) @ weights)
