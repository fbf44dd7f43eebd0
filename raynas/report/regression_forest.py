"""A forest of regression trees on coded choices (Breiman 1996, "Bagging Predictors").

A tree divides all combinations of options into boxes, each with the mean reward of the trials in
it. The forest is kept as these boxes, from which averages over any choices are sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from raynas.analysis.choice_matrix import Coded
from raynas.power_scaling import UnitScale

__all__ = ["RegressionForest", "TakenOptions"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_TREES = 64  # chosen by hand: precision of the interval over trees against the seconds of a report
_RESAMPLE = 0.632  # of the trials are distinct in a bootstrap resample, and one of them is enough
_MOST = 1000  # trials of a tree: the seconds of a report
_LEAST = 2  # trials of a box: the mean of one is all noise
_ROUNDING = 1e-24  # a gain in squared rewards, of which the largest is 1, that may be no gain


@dataclass(frozen=True)
class TakenOptions:
    """The options that trials took of each choice, in one row; to lack the choice is one too.

    Attributes:
        choice: The choice that each option is of, rising.
        codes: The code of each option, rising within a choice.
        taken: The option that each trial took of each choice, shape ``(trials, choices)``.
    """

    choice: Integers
    codes: Integers
    taken: Integers

    @classmethod
    def among(cls, codes: Integers) -> TakenOptions:
        """The options in a matrix of codes, shape ``(trials, choices)``."""
        found = [np.unique(column, return_inverse=True) for column in codes.T]
        sizes = [len(values) for values, _ in found]
        firsts = np.cumsum([0, *sizes[:-1]])
        return cls(
            np.repeat(np.arange(len(sizes)), sizes),
            np.concatenate([values for values, _ in found]),
            np.stack([places for _, places in found], axis=1) + firsts,
        )

    def of(self, column: int, codes: Sequence[int]) -> Integers:
        """The options that stand for `codes` of the choice in a column."""
        options = self.slices[column]
        return np.asarray(options.start + np.searchsorted(self.codes[options], codes))

    @property
    def slices(self) -> list[slice]:
        """Where the options of each choice are."""
        ends = np.searchsorted(self.choice, np.arange(self.taken.shape[1] + 1))
        return [slice(first, end) for first, end in pairwise(ends.tolist())]


class RegressionForest:
    """A forest of 64 trees over coded trials, each grown on another part of them.

    Args:
        data: Coded trials, at least two, with at least one choice.
        seed: Seed of all that is random in it.

    Attributes:
        data: The trials that it is fitted to.
        options: What the boxes are made of.
        boxes: Whether each option is in each box, shape ``(boxes, options)``.
        values: The mean reward in each box.
        firsts: The first box of each tree; the boxes of a tree follow each other.
    """

    def __init__(self, data: Coded, seed: int = 0) -> None:
        scale = UnitScale.of(data.rewards)
        self.data = data
        self.options = TakenOptions.among(data.codes)
        rng = np.random.default_rng(seed)
        places = _places(self.options, np.array(data.ordered), rng)
        boxes, means, trees = _Grower(self.options, places, scale(data.rewards), rng).grown()
        order = np.argsort(trees, kind="stable")
        self.boxes: Bools = boxes[order]
        self.values: Floats = np.ldexp(means[order], scale.exponent)
        self.firsts: Integers = np.searchsorted(trees[order], np.arange(_TREES))


def _places(options: TakenOptions, ordered: Bools, rng: np.random.Generator) -> Integers:
    """The place of each option in each tree; those without an order take one at random."""
    size = (_TREES, len(options.choice))
    within = np.where(ordered[options.choice], np.arange(size[1]) / size[1], rng.random(size))
    return np.argsort(np.argsort(options.choice + within, axis=1), axis=1)


@dataclass(frozen=True)
class _Grower:
    """Grows trees together, a level at a time."""

    options: TakenOptions
    places: Integers
    rewards: Floats
    rng: np.random.Generator

    def grown(self) -> tuple[Bools, Floats, Integers]:
        """The boxes that are not divided any more, their mean rewards, and their trees."""
        trials = len(self.rewards)
        drawn = min(_MOST, max(_LEAST, round(_RESAMPLE * trials)))
        rows = np.concatenate([self.rng.permutation(trials)[:drawn] for _ in range(_TREES)])
        boxes = np.ones((_TREES, len(self.options.choice)), dtype=bool)
        trees = np.arange(_TREES)
        holder = np.repeat(trees, drawn)  # the box that each row is in
        ended = []
        while len(trees):
            means = np.bincount(holder, self.rewards[rows]) / np.bincount(holder)
            divided, at = self._divisions(holder, rows, self.rewards[rows] - means[holder], trees)
            ended.append((boxes[~divided], means[~divided], trees[~divided]))
            inside = divided[holder]
            rows, holder = rows[inside], (np.cumsum(divided) - 1)[holder[inside]]
            boxes, trees, at = boxes[divided], trees[divided], at[divided]
            choice = self.options.choice[at]
            low = self.places[trees] <= at[:, None]
            other = self.options.choice != choice[:, None]
            boxes = np.stack([boxes & (low | other), boxes & (~low | other)], axis=1)
            boxes, trees = boxes.reshape(-1, low.shape[1]), np.repeat(trees, 2)
            holder = 2 * holder + ~low[holder, self.options.taken[rows, choice[holder]]]
        boxes, means, trees = (np.concatenate(parts) for parts in zip(*ended, strict=True))
        return boxes, means, trees

    def _divisions(
        self, holder: Integers, rows: Integers, values: Floats, trees: Integers
    ) -> tuple[Bools, Integers]:
        """Whether each box is worth dividing, and the place after which that is best.

        Dividing gains the squares between the two parts; `values` have a mean of 0 in each box.
        """
        slices = self.options.slices
        best, at = np.full(len(trees), _ROUNDING), np.zeros(len(trees), dtype=np.int64)
        for choice in self.rng.permutation(len(slices)):  # the first one of equals is taken
            first, size = slices[choice].start, slices[choice].stop - slices[choice].start
            places = self.places[trees[holder], self.options.taken[rows, choice]] - first
            below, total = (
                np.bincount(holder * size + places, weights, len(trees) * size)
                .reshape(-1, size)
                .cumsum(axis=1)
                for weights in (None, values)
            )
            count = below[:, -1:]
            above = count - below
            squares = total**2 * count / np.maximum(below * above, 1)
            gains = np.where(np.minimum(below, above) < _LEAST, 0, squares)
            place = gains.argmax(axis=1)
            gain = gains[np.arange(len(place)), place]
            at = np.where(gain > best, first + place, at)
            best = np.maximum(gain, best)
        return best > _ROUNDING, at
