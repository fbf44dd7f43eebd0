"""Architectures as vectors for a surrogate: every decision, and what the decisions add up to.

A network is described twice. The first part has each decision by itself, so that a kernel on it
counts where two architectures differ. The second has sums over the decisions of one kind, such as
how many edges of a cell carry a 3x3 convolution or how wide the blocks are taken together: what a
network can do often depends on such totals more than on places. Where scores of untrained networks
are known, a third part has those.

Where a network has blocks of several decisions each, the kernel has a term for each of them: an
additive model, as Duvenaud, Nickisch and Rasmussen 2011, "Additive Gaussian Processes", section 1,
so that what was seen of a block counts whatever the others are. Without such blocks, fields that
were searched apart have a term for each part.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.controllers.gaussian_process import Prior, TermPrior
from raynas.controllers.zero_cost_features import Hints, Scores
from raynas.errors import SpaceError
from raynas.space import Space
from raynas.space.options import Column, Interval, Scalar
from raynas.trials import Architecture

__all__ = ["Features"]

Matrix = NDArray[np.float64]

_INDEX = re.compile(r"\[\d+\]")
_BLOCK = re.compile(r".*?\[\d+\]")
_LEAST_TREND, _LEAST_BLOCKS = 3, 2  # two values have no trend, and one block no other beside it
_SAMPLE = 500  # by hand: random architectures, whose mean distance gives kernels their scale
_EXPONENT_OF_DECISIONS, _EXPONENT_OF_TOTALS, _EXPONENT_OF_HINTS = 1.6, 0.3, 0.1
"""Exponent of a term's kernel between two random architectures, before it is fitted; by hand."""
_VARIANCE_OF_HINTS = 0.05  # by hand, as scores may mislead; benchmarks/controller_bench/hinted.py
_EXPONENT_OF_BLOCKS, _VARIANCE_OF_BLOCKS = 1.0, 0.6
"""The same for a sum over blocks, and its share of the variance; by hand.

With eight blocks of three decisions, mean regret after 80 trials of 8 seeds is 1.5; it is 2.3 at a
share of 0.3 or an exponent of 0.5, 1.5 at a share of 0.9, 1.2 at an exponent of 2, and 3.9 at
almost no share. Standard errors are about 0.4.
"""


class Features:
    """The vectors of a space's architectures.

    Over the features of one decision, the squared distance of two architectures is 1 where they
    take different labels or only one of them takes the decision at all, and the squared difference
    of the places of two numbers between their bounds, which are 0 and 1.

    Args:
        space: Space whose architectures are encoded.
        scores: Scores of some architectures that cost no training, such as those of
            `raynas.meters.ZeroCost`.

    Attributes:
        decisions: The positions of each decision's features.
        totals: The positions of each sum over several decisions.
        hints: The positions of each predicted score.
    """

    def __init__(
        self, space: Space[Any], scores: Mapping[Architecture, Scores] | None = None
    ) -> None:
        self._space = space
        self._families = _families(space.columns)
        widths = [_width(column) for column in space.columns]
        ends = np.cumsum([0, *widths])
        self.decisions = [slice(a, b) for a, b in pairwise(ends)]
        self._ordered = [i for i, column in enumerate(space.columns) if _is_ordered(column)]
        self._labeled = [i for i in range(len(widths)) if i not in self._ordered]
        self._members = [
            np.array([np.arange(self.decisions[i].start, self.decisions[i].stop) for i in members])
            for members in self._families
        ]
        sums = sum(widths[members[0]] for members in self._families)
        self.totals = [slice(a, a + 1) for a in range(ends[-1], ends[-1] + sums)]
        self.hints: list[slice] = []
        if scores and self.decisions:
            self._hints = Hints(self(list(scores)), list(scores.values()), self.prior())
            start = self.width
            self.hints = [slice(start + i, start + i + 1) for i in range(len(self._hints.names))]

    @property
    def space(self) -> Space[Any]:
        """The space whose architectures are described."""
        return self._space

    @property
    def whole(self) -> Space[Any]:
        """`space`, or what bounds leave a part of."""
        whole: Space[Any] = getattr(self._space, "whole", self._space)
        return whole

    @property
    def width(self) -> int:
        """Number of features."""
        return (self.decisions + self.totals + self.hints)[-1].stop if self.decisions else 0

    def prior(self) -> Prior:
        """Prior over kernels with a term for each part of an architecture."""
        blocks = self._blocks() or self._apart()
        rest = 1 - _VARIANCE_OF_BLOCKS if blocks else 1.0
        half = rest / 2 if self.totals else rest
        parts = [
            *blocks,
            TermPrior(tuple(self.decisions), _EXPONENT_OF_DECISIONS, half),
            TermPrior(tuple(self.totals), _EXPONENT_OF_TOTALS, half),
            TermPrior(tuple(self.hints), _EXPONENT_OF_HINTS, _VARIANCE_OF_HINTS),
        ]
        return Prior.of(self(self._sample()), [part for part in parts if part.groups])

    def __call__(self, architectures: Sequence[Any]) -> Matrix:
        """The vectors of `architectures`, shape ``(len(architectures), width)``."""
        return self._hinted(self._described(architectures))

    def _hinted(self, vectors: Matrix) -> Matrix:
        """`vectors` of decisions and totals, and the predicted scores behind them."""
        return np.hstack([vectors, self._hints(vectors)]) if self.hints else vectors

    def _apart(self) -> list[TermPrior]:
        """A term for each run of decisions in a group of fields that the space has apart."""
        groups: Sequence[Collection[str]] = getattr(self._space, "apart", ())
        fields = [re.split(r"[.\[]", column.path)[0] for column in self._space.columns]
        numbers = [next((n for n, g in enumerate(groups) if f in g), None) for f in fields]
        runs = [
            [i for i, _ in run]
            for number, run in groupby(enumerate(numbers), lambda pair: pair[1])
            if number is not None
        ]
        variance = _VARIANCE_OF_BLOCKS / max(1, len(runs))
        return [
            TermPrior(tuple(self.decisions[i] for i in run), _EXPONENT_OF_DECISIONS, variance)
            for run in runs
        ]

    def of_configs(self, configs: Sequence[Mapping[str, Scalar]]) -> tuple[Matrix, list[int]]:
        """The vectors of another space's architectures, as far as their decisions are in this one.

        Decisions are matched by path, and options by value. One that none of the configs has is
        unknown: its features are the mean over this space.

        Args:
            configs: Decisions of each architecture, path to value.

        Returns:
            A row for each config that has no option which this space does not have, and the places
            of these configs. Neither where the spaces have no decision in common.
        """
        columns = self._space.columns
        shared = set().union(*configs) & {column.path for column in columns}
        found = [_places(columns, config) for config in configs] if shared else []
        kept = [place for place, places in enumerate(found) if places is not None]
        if not kept:
            return np.zeros((0, self.width)), []
        single = self._one_by_one(np.array([found[place] for place in kept]))
        unknown = [i for i, column in enumerate(columns) if column.path not in shared]
        if unknown:
            means = self._described(self._sample()).mean(axis=0)
            for features in (self.decisions[i] for i in unknown):
                single[:, features] = means[features]
        return self._hinted(self._with_totals(single)), kept

    def _sample(self) -> list[Any]:
        """Random architectures, always the same."""
        rng = np.random.default_rng(0)
        return [self.whole.canonical(self.whole.sample(rng)) for _ in range(_SAMPLE)]

    def _blocks(self) -> list[TermPrior]:
        """A term for each block, with the same weights for the same decision of all of them."""
        paths = [column.path for column in self._space.columns]
        blocks = [list(b) for _, b in groupby(range(len(paths)), lambda i: _block_of(paths[i]))]
        if sum(len(block) > 1 for block in blocks) < _LEAST_BLOCKS:
            return []
        return [
            TermPrior(
                tuple(self.decisions[i] for i in block),
                _EXPONENT_OF_BLOCKS,
                _VARIANCE_OF_BLOCKS / len(blocks),
                tuple(_INDEX.sub("[]", paths[i]) for i in block),
            )
            for block in blocks
        ]

    def _described(self, architectures: Sequence[Any]) -> Matrix:
        if not self.decisions or not len(architectures):
            width = (self.decisions + self.totals)[-1].stop if self.decisions else 0
            return np.zeros((len(architectures), width))
        places = np.array([self._space.coordinates(a) for a in architectures])
        return self._with_totals(self._one_by_one(places))

    def _with_totals(self, single: Matrix) -> Matrix:
        """The features of every decision, and behind them the sums."""
        sums = [single[:, features].sum(axis=1) for features in self._members]
        scaled = [s / len(m) ** 0.5 for s, m in zip(sums, self._families, strict=True)]
        return np.hstack([single, *scaled])

    def _one_by_one(self, places: Matrix) -> Matrix:
        """The features of every decision; its last one says that it is not taken."""
        vectors = np.zeros((len(places), self.decisions[-1].stop))
        starts = np.array([group.start for group in self.decisions])
        ends = np.array([group.stop - 1 for group in self.decisions])
        taken = np.where(np.isnan(places), ends, starts + places)
        some = self._labeled
        vectors[np.arange(len(places))[:, None], taken[:, some].astype(int)] = 1 / 2**0.5
        if self._ordered:
            at = places[:, self._ordered]
            columns = [self._space.columns[i] for i in self._ordered]
            heights = [_height(c, p) for c, p in zip(columns, at.T, strict=True)]
            missing = np.isnan(at)
            vectors[:, starts[self._ordered]] = np.where(missing, 0.0, np.transpose(heights))
            vectors[:, starts[self._ordered] + 1] = missing
        return vectors


def _places(columns: Sequence[Column], config: Mapping[str, Scalar]) -> list[float] | None:
    """Position of `config` in each column, NaN if absent; None where it has another option."""
    places = []
    for column in columns:
        if column.path not in config:
            places.append(math.nan)
            continue
        try:
            code = column.code(config[column.path])
        except SpaceError:
            return None
        interval = isinstance(column.values, Interval)
        places.append(column.values.scaled(code) if interval else float(code))  # type: ignore[union-attr] # as just seen
    return places


def _height(column: Column, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers scaled so that the first of their column is 0 and the last one is 1."""
    values = column.values
    if isinstance(values, Interval):
        return places
    heights: NDArray[np.float64] = places / max(len(values) - 1, 1)
    if not column.log or values[-1] == values[0]:
        return heights
    ratio = values[-1] / values[0]  # type: ignore[operator]
    logarithms: NDArray[np.float64] = np.log1p(heights * (ratio - 1)) / np.log(ratio)
    return logarithms


def _width(column: Column) -> int:
    values = column.values
    return len(values) + 1 if isinstance(values, tuple) and not _is_ordered(column) else 2


def _is_ordered(column: Column) -> bool:
    """Whether the values are numbers that rise, and enough of them for a trend."""
    values = column.values
    if not isinstance(values, tuple):
        return True
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return numbers and len(values) >= _LEAST_TREND and list(values) == sorted(values)  # type: ignore[type-var]


def _block_of(path: str) -> str:
    """The part of a network that a decision belongs to: the first place of a tuple on its path."""
    found = _BLOCK.match(path)
    return found[0] if found else path.rpartition(".")[0] or path


def _families(columns: Sequence[Column]) -> list[list[int]]:
    """Positions of columns that are one decision in several places, such as those of a tuple."""
    families = defaultdict(list)
    for position, column in enumerate(columns):
        families[_INDEX.sub("[]", column.path), str(column.values)].append(position)
    return [members for members in families.values() if len(members) > 1]
