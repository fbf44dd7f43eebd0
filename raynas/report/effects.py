"""How choices matter: what each value does to the reward, alone and together with another.

A search tries good values more often and in better company, so plain averages mislead. A forest
is fitted to the trials instead, and asked what reward it expects if all of them took a value,
everything else as it is: partial dependence (Friedman 2001, "Greedy Function Approximation",
section 8.2). Its trees, each grown on another part of the trials, give the uncertainty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from raynas.analysis.choice_matrix import INACTIVE, Coded, evenly
from raynas.association import LEVEL, chances, contemporaries
from raynas.objective import Objective
from raynas.power_scaling import UnitScale
from raynas.report.figure_style import BLUE, GRAY, safe, styled
from raynas.report.regression_forest import RegressionForest
from raynas.wording import counted

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "Effect",
    "EffectsModel",
    "Interaction",
    "effect_figure",
    "interaction_figure",
    "interactions",
    "main_effect",
    "pair_figure",
]

Floats = NDArray[np.float64]

_ROWS = 200  # trials averaged over: seconds of a report
_GRID = 6  # values of a choice, in a heat map of 36 cells


@dataclass(frozen=True)
class Effect:
    """What the values of a choice do to the reward.

    Attributes:
        path: The choice.
        labels: Values of the choice that were tried.
        expected: The reward expected for each.
        low: 5th percentile over the trees.
        high: 95th percentile.
        tried: How many trials took each value.
        best: The best reward among them.
    """

    path: str
    labels: tuple[str, ...]
    expected: Floats
    low: Floats
    high: Floats
    tried: NDArray[np.int64]
    best: Floats


@dataclass(frozen=True)
class Interaction:
    """How two choices work together.

    Attributes:
        paths: The two.
        share: Share of the pair's effect that is not the sum of the two by themselves, 0 to 1
            (Friedman and Popescu 2008, "Predictive Learning via Rule Ensembles", section 8.1).
        spread: Standard deviation of that part, in units of the reward.
        labels: The values of each.
        expected: The reward expected for each pair of values; NaN where one of the choices is
            not there.
    """

    paths: tuple[str, str]
    share: float
    spread: float
    labels: tuple[tuple[str, ...], tuple[str, ...]]
    expected: Floats


class EffectsModel:
    """What a forest expects where trials take other options.

    Args:
        data: Coded trials, at least two, with at least one choice.
        seed: Seed of the forest.

    Attributes:
        data: The trials.
        forest: The forest that is fitted to them.
    """

    def __init__(self, data: Coded, seed: int = 0) -> None:
        self.data = data
        self.forest = RegressionForest(data, seed)
        self._boxes = self.forest.boxes.astype(np.float32)  # so that BLAS multiplies them

    def expected(self, columns: Sequence[int], values: Sequence[Sequence[int]]) -> Floats:
        """The reward each tree expects if the trials that have `columns` took `values` there.

        Returns:
            Shape ``(trees, values)``.
        """
        forest = self.forest
        rows = np.flatnonzero(np.all(self.data.codes[:, list(columns)] != INACTIVE, axis=1))
        if not len(rows):
            return np.full((len(forest.firsts), len(values)), np.nan)
        taken = forest.options.taken[evenly(rows.tolist(), _ROWS)]
        one_hot = np.zeros((forest.boxes.shape[1], len(taken)), dtype=np.float32)
        np.put_along_axis(one_hot, taken.T, 1, axis=0)
        there = np.ones((len(forest.boxes), len(values)), dtype=bool)
        for column, codes in zip(columns, zip(*values, strict=True), strict=True):
            there &= forest.boxes[:, forest.options.of(column, codes)]
            one_hot[forest.options.slices[column]] = 0
        others = taken.shape[1] - len(columns)
        reached = np.mean(self._boxes @ one_hot == others, axis=1)
        means: Floats = np.add.reduceat((forest.values * reached)[:, None] * there, forest.firsts)
        return means


def main_effect(model: EffectsModel, path: str) -> Effect:
    """What each tried value of `path` does to the reward."""
    data = model.data
    column = data.paths.index(path)
    codes = [int(code) for code in np.unique(data.codes[:, column]) if code != INACTIVE]
    trees = model.expected([column], [[code] for code in codes])
    taking = [data.codes[:, column] == code for code in codes]
    return Effect(
        path,
        tuple(data.labels[column][code] for code in codes),
        trees.mean(axis=0),
        np.percentile(trees, 5, axis=0),
        np.percentile(trees, 95, axis=0),
        np.array([int(mask.sum()) for mask in taking]),
        np.array([data.rewards[mask].max() for mask in taking]),
    )


def interactions(model: EffectsModel, paths: Sequence[str]) -> list[Interaction]:
    """The pairs of `paths` that interact more than noise does, the strongest first.

    The test shuffles what the best sum of the choices' single effects leaves over (Freedman and
    Lane 1983, "A nonstochastic interpretation of reported significance levels", Journal of Business
    & Economic Statistics 1).
    """
    pairs = list(combinations(paths, 2))
    known = _beyond_sums(model.data, paths, pairs)
    found = [_interaction(model, *pair) for pair in known]
    return sorted((pair for pair in found if pair is not None), key=lambda pair: -pair.spread)


def _beyond_sums(
    data: Coded, paths: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The pairs whose combinations differ in what the sum of the single effects leaves over."""
    columns = [data.codes[:, data.paths.index(path)] for path in paths]
    single = [column[:, None] == np.unique(column) for column in columns]
    design = np.concatenate([np.ones((len(data), 1)), *single], axis=1)
    rewards = UnitScale.of(data.rewards)(data.rewards)
    left = rewards - design @ np.linalg.lstsq(design, rewards, rcond=None)[0]
    if np.ptp(left) <= 1e-9 * np.ptp(rewards):
        return []
    codes = np.full((len(data), len(pairs)), INACTIVE)
    for index, pair in enumerate(pairs):
        one, other = (columns[paths.index(path)] for path in pair)
        there = (one != INACTIVE) & (other != INACTIVE)
        codes[there, index] = one[there] * (int(other.max()) + 1) + other[there]
    found = chances(codes, left, contemporaries(len(data)))
    return [pair for pair, chance in zip(pairs, found, strict=True) if chance < LEVEL]


def _interaction(model: EffectsModel, first: str, second: str) -> Interaction | None:
    data = model.data
    columns = [data.paths.index(first), data.paths.index(second)]
    grids = [_grid(data.codes[:, column]) for column in columns]
    if min(map(len, grids)) < 2:
        return None
    pairs = [(a, b) for a in grids[0] for b in grids[1]]
    together = model.expected(columns, pairs).mean(axis=0).reshape(len(grids[0]), len(grids[1]))
    if np.isnan(together).any():
        return None
    scale = UnitScale.of(together)
    centered = scale(together) - scale(together).mean()
    alone = centered.mean(axis=1, keepdims=True) + centered.mean(axis=0, keepdims=True)
    rest = centered - alone
    whole = float(np.square(centered).sum())
    return Interaction(
        (first, second),
        float(np.square(rest).sum()) / whole if whole else 0.0,
        scale.restored(float(rest.std())),
        (
            tuple(data.labels[columns[0]][code] for code in grids[0]),
            tuple(data.labels[columns[1]][code] for code in grids[1]),
        ),
        together,
    )


def _grid(codes: NDArray[np.int64]) -> list[int]:
    """Up to six of the codes taken, evenly spaced."""
    taken = [int(code) for code in np.unique(codes) if code != INACTIVE]
    places = np.unique(np.linspace(0, len(taken) - 1, min(_GRID, len(taken))).astype(int))
    return [taken[place] for place in places] if taken else []


def effect_figure(effect: Effect, objective: Objective) -> go.Figure:
    """The figure expected for each value with its uncertainty, and the best that it had."""
    import plotly.graph_objects as go

    labels = [
        f"{safe(label)} ({tried})" for label, tried in zip(effect.labels, effect.tried, strict=True)
    ]
    expected, best, *ends = (
        np.array([objective.figure(float(value)) for value in values])
        for values in (effect.expected, effect.best, effect.low, effect.high)
    )
    low, high = np.sort(ends, axis=0)
    figure = go.Figure()
    figure.add_scatter(
        x=labels,
        y=best,
        mode="markers",
        marker={"symbol": "line-ew-open", "size": 14, "color": GRAY, "line": {"width": 2}},
        hovertemplate="%{x}: best %{y:.5g}<extra></extra>",
        name="best seen",
    )
    figure.add_scatter(
        x=labels,
        y=expected,
        error_y={
            "type": "data",
            "array": high - expected,
            "arrayminus": expected - low,
            "color": BLUE,
        },
        mode="markers",
        marker={"color": BLUE, "size": 9},
        text=[counted(int(tried), "trial") for tried in effect.tried],
        hovertemplate="%{x}: %{y:.5g}<br>%{text}<extra></extra>",
        name="expected, 5 to 95 %",
    )
    styled(
        figure,
        "value (trials that took it)",
        objective.axis,
        height=260,
        xaxis_type="category",
        showlegend=False,
    )
    return figure.update_xaxes(range=[-0.5, len(labels) - 0.5])


def interaction_figure(found: Sequence[Interaction], paths: Sequence[str]) -> go.Figure:
    """A matrix of how strongly each two choices interact, in units of the reward."""
    matrix = np.full((len(paths), len(paths)), np.nan)
    for pair in found:
        first, second = (paths.index(path) for path in pair.paths)
        matrix[first, second] = matrix[second, first] = pair.spread
    names = [safe(path) for path in paths]
    return _heat(names, names, matrix, "", "", "strength")


def pair_figure(pair: Interaction, objective: Objective) -> go.Figure:
    """The figure expected for each pair of values of two choices."""
    first, second = ([safe(label) for label in labels] for labels in pair.labels)
    expected = np.vectorize(objective.figure, otypes=[float])(pair.expected)
    return _heat(second, first, expected, pair.paths[1], pair.paths[0], safe(objective.name))


def _heat(x: list[str], y: list[str], z: Floats, across: str, down: str, name: str) -> Any:
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_heatmap(
        x=x,
        y=y,
        z=z,
        colorscale="Viridis",
        hoverongaps=False,
        hovertemplate="%{x} and %{y}: %{z:.4g}<extra></extra>",
        colorbar={"title": {"text": name}, "thickness": 12},
    )
    styled(figure, across, down, height=max(240, 90 + 38 * len(y)))
    figure.update_xaxes(type="category", showgrid=False, tickangle=-35)
    return figure.update_yaxes(type="category", showgrid=False)
