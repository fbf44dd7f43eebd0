"""Completed trials as a matrix of the choices that they took: what analyses work on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raynas.space import Space
from raynas.space.options import Column, Interval
from raynas.trials import History, Trial

__all__ = ["INACTIVE", "Coded", "coded", "evenly"]

INACTIVE = -1
"""Code of a choice that an architecture does not have."""

_BINS = 6  # few enough that each holds several of the some hundred trials of a report
_MOST_NUMBERS = 16  # values that a figure's axis still shows one by one


@dataclass(frozen=True)
class Coded:
    """Architectures as codes.

    Attributes:
        paths: The choices that differ among the trials.
        labels: Options that the codes of each choice stand for, in order.
        codes: Shape ``(trials, choices)``; `INACTIVE` where an architecture has no such choice.
        rewards: Shape ``(trials,)``.
        ordered: Whether the codes of each choice stand for rising numbers.
    """

    paths: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    codes: NDArray[np.int64]
    rewards: NDArray[np.float64]
    ordered: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.rewards)

    def only(self, most: int) -> Coded:
        """The same choices for at most `most` trials, evenly taken."""
        rows = evenly(range(len(self)), most)
        return Coded(self.paths, self.labels, self.codes[rows], self.rewards[rows], self.ordered)


def evenly(items: Sequence[Any], most: int) -> list[Any]:
    """Up to `most` of `items`, evenly spaced, the last one among them."""
    if len(items) <= most:
        return list(items)
    return [items[(index + 1) * len(items) // most - 1] for index in range(most)]


def coded(history: History, space: Space[Any], most: int = 2000) -> Coded:
    """Up to `most` completed trials, evenly taken over the search.

    Real numbers, and whole ones of more than 16 values, are put into six bins that hold as many
    trials each.
    """
    trials: list[Trial] = evenly(history.completed, most)
    configs = [space.to_config(trial.architecture) for trial in trials]
    paths, labels, columns, ordered = [], [], [], []
    for column in space.columns:
        values = [config.get(column.path) for config in configs]
        active = [column.path in config for config in configs]
        names, codes = _code(column, values, active)
        if len(set(codes)) > 1:
            paths.append(column.path)
            labels.append(names)
            columns.append(codes)
            ordered.append(not isinstance(column.values, tuple))
    matrix = np.array(columns, dtype=np.int64).reshape(len(columns), len(trials)).T
    rewards = np.array([trial.reward for trial in trials], dtype=float)
    return Coded(tuple(paths), tuple(labels), matrix, rewards, tuple(ordered))


def _code(
    column: Column, values: Sequence[Any], active: Sequence[bool]
) -> tuple[tuple[str, ...], list[int]]:
    """Labels of a column, and the code of each value."""
    if isinstance(column.values, Interval) or _is_wide(column.values):
        return _binned(values, active)
    options = column.values
    place = {(type(option), option): index for index, option in enumerate(options)}
    codes = [
        place.get((type(value), value), INACTIVE) if there else INACTIVE
        for value, there in zip(values, active, strict=True)
    ]
    return tuple(str(option) for option in options), codes


def _is_wide(values: tuple[object, ...] | range | Interval) -> bool:
    return isinstance(values, range) and len(values) > _MOST_NUMBERS


def _binned(values: Sequence[Any], active: Sequence[bool]) -> tuple[tuple[str, ...], list[int]]:
    known = np.array([v for v, there in zip(values, active, strict=True) if there], dtype=float)
    if not len(known):
        return (), [INACTIVE] * len(values)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)))
    if len(edges) < 2:
        return (f"{edges[0]:.3g}",), [0 if there else INACTIVE for there in active]
    labels = tuple(f"{low:.3g} to {high:.3g}" for low, high in pairwise(edges))
    codes = [
        min(int(np.searchsorted(edges[1:-1], value, side="right")), len(labels) - 1)
        if there
        else INACTIVE
        for value, there in zip(values, active, strict=True)
    ]
    return labels, codes
