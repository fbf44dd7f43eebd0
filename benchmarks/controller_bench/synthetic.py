"""Large conditional spaces with known optima.

A chain of blocks of four kinds, each with choices of its own, and a variable length. The value is
a sum of random effects: of each decision and of each pair of decisions within a block, of the
kinds of neighboring blocks, and of the width with each kind. Blocks differ in importance. As only
neighbors and the width tie blocks together, the best architecture is found exactly: for each
width and length by dynamic programming along the chain.

Values are scaled so that a random architecture has 0 in the mean and the optimum has 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller_bench.problem import Problem, Row
from raynas import Space
from raynas.space import choice, repeat, searchable

__all__ = ["SIZES", "Landscape", "synthetic"]

WIDTHS = (16, 32, 64, 128)


@searchable
class Conv:
    """Four choices."""

    kernel: int = choice(1, 3, 5, 7)
    activation: str = choice("relu", "silu", "gelu")
    expansion: int = choice(1, 2, 4, 6)
    norm: str = choice("batch", "group", "none")


@searchable
class Attention:
    """Three choices."""

    heads: int = choice(1, 2, 4, 8)
    window: int = choice(4, 8, 16)
    position: str = choice("none", "relative", "rotary")


@searchable
class Pool:
    """Two choices."""

    kind: str = choice("max", "average")
    size: int = choice(2, 3)


@searchable
class Skip:
    """Nothing to choose."""


KINDS = (Conv, Attention, Pool, Skip)
Block = Conv | Attention | Pool | Skip


@searchable
class Net30:
    """32 decisions."""

    width: int = choice(*WIDTHS)
    blocks: tuple[Block, ...] = repeat(choice(*KINDS), 2, 3)


@searchable
class Net100:
    """102 decisions."""

    width: int = choice(*WIDTHS)
    blocks: tuple[Block, ...] = repeat(choice(*KINDS), 5, 10)


@searchable
class Net200:
    """202 decisions."""

    width: int = choice(*WIDTHS)
    blocks: tuple[Block, ...] = repeat(choice(*KINDS), 10, 20)


SIZES = {30: (Net30, 2, 3), 100: (Net100, 5, 10), 200: (Net200, 10, 20)}
STATES = tuple(
    tuple(kind(*values) for values in itertools.product(*(o.values for o in Space(kind).columns)))
    for kind in KINDS
)
"""All blocks of each kind."""


class Landscape:
    """The effects of one instance.

    Args:
        decisions: 30, 100 or 200.
        instance: Number of the instance; another one has other effects.
    """

    def __init__(self, decisions: int, instance: int) -> None:
        self.net, self.least, self.most = SIZES[decisions]
        rng = np.random.default_rng([decisions, instance])
        importance = np.exp(rng.normal(0, 0.7, self.most))
        self.block = [
            [importance[i] * _effects(rng, states) for states in STATES] for i in range(self.most)
        ]
        self.kind = rng.normal(0, 1, (self.most, len(KINDS))) * importance[:, None]
        self.pair = rng.normal(0, 0.7, (self.most, len(KINDS), len(KINDS)))
        self.width = rng.normal(0, 1, len(WIDTHS))
        self.width_kind = rng.normal(0, 0.3, (len(WIDTHS), len(KINDS)))
        self.length = {n: rng.normal(0, 1) for n in range(self.least, self.most + 1)}
        self.index = [{block: i for i, block in enumerate(states)} for states in STATES]

    def raw(self, net: Any) -> float:
        """The sum of the effects of `net`."""
        width = WIDTHS.index(net.width)
        kinds = [KINDS.index(type(block)) for block in net.blocks]
        total = self.width[width] + self.length[len(kinds)]
        for i, (kind, block) in enumerate(zip(kinds, net.blocks, strict=True)):
            total += self.kind[i, kind] + self.width_kind[width, kind]
            total += self.block[i][kind][self.index[kind][block]]
            total += self.pair[i, kinds[i - 1], kind] if i else 0.0
        return float(total)

    def best(self) -> Any:
        """An architecture of the largest sum."""
        return max(self._best_of_each(), key=self.raw)

    def _best_of_each(self) -> Iterator[Any]:
        """The best one of each width and length."""
        blocks = [[int(np.argmax(effects)) for effects in kinds] for kinds in self.block]
        for width, value in enumerate(WIDTHS):
            unary = self.kind + self.width_kind[width]
            unary = unary + np.array([[e.max() for e in kinds] for kinds in self.block])
            for length in range(self.least, self.most + 1):
                kinds = _best_chain(unary[:length], self.pair)
                chosen = (STATES[kind][blocks[i][kind]] for i, kind in enumerate(kinds))
                yield self.net(value, tuple(chosen))


def _effects(rng: np.random.Generator, states: tuple[Any, ...]) -> NDArray[np.float64]:
    """Of each block in `states`: those of its decisions and of the pairs of them."""
    names = [field.name for field in fields(states[0])]
    total = np.zeros(len(states))
    terms = [((name,), 1.0) for name in names]
    terms += [(pair, 0.7) for pair in itertools.combinations(names, 2)]
    for term, scale in terms:
        combinations = [tuple(getattr(state, name) for name in term) for state in states]
        effect = {c: scale * rng.standard_normal() for c in dict.fromkeys(combinations)}
        total += [effect[c] for c in combinations]
    return total - total.mean()


def _best_chain(unary: NDArray[np.float64], pair: NDArray[np.float64]) -> list[int]:
    """Indices of the largest sum along a chain; ``pair[i]`` ties positions i - 1 and i."""
    value, back = unary[0], []
    for i in range(1, len(unary)):
        scores = value[:, None] + pair[i]
        back.append(scores.argmax(axis=0))
        value = scores.max(axis=0) + unary[i]
    path = [int(value.argmax())]
    for pointers in reversed(back):
        path.append(int(pointers[path[-1]]))
    return path[::-1]


@lru_cache(maxsize=4)
def synthetic(decisions: int, instance: int) -> Problem:
    """An instance as a problem; `top` is nine tenths of the way from random to the optimum."""
    landscape = Landscape(decisions, instance)
    space: Space[Any] = Space(landscape.net)
    rng = np.random.default_rng([decisions, instance, 1])
    typical = float(np.mean([landscape.raw(space.sample(rng)) for _ in range(500)]))
    best = landscape.best()
    span = landscape.raw(best) - typical

    def look_up(net: Any) -> Row:
        value = (landscape.raw(net) - typical) / span
        return Row(value, (), value, 100.0 + 50.0 * len(net.blocks))

    return Problem(
        f"synthetic-{decisions}", space, look_up, best, top=0.9, typical=0.0, spread=0.03
    )
