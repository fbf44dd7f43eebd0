"""Which choices matter: functional ANOVA and PED-ANOVA over coded trials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from raynas.analysis.choice_matrix import INACTIVE, Coded
from raynas.association import LEVEL, chances, contemporaries
from raynas.power_scaling import UnitScale
from raynas.report.figure_style import BLUE, PURPLE, safe, styled
from raynas.report.regression_forest import RegressionForest

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["LEAST_TRIALS", "fanova", "importance_figure", "importances", "ped_anova", "supported"]

Floats = NDArray[np.float64]

LEAST_TRIALS = 20
"""Fewer completed trials say nothing about what matters."""

_TOP = 0.1  # the best trials, as in the examples of PED-ANOVA's paper and in Optuna
_SHOWN = 15  # bars of a figure


def supported(data: Coded) -> tuple[str, ...]:
    """The choices that go with the reward more closely than noise does, in their order.

    Each trial is compared with its contemporaries, see `raynas.association`.
    """
    if len(data) < LEAST_TRIALS:
        return ()
    found = chances(data.codes, data.rewards, contemporaries(len(data)))
    return tuple(path for path, chance in zip(data.paths, found, strict=True) if chance < LEVEL)


def importances(forest: RegressionForest, shown: Sequence[str]) -> dict[str, dict[str, float]]:
    """The importance by `fanova` and by `ped_anova` of each choice in `shown`.

    All choices together, those that are not shown among them, sum to 1. A method by which none
    of those shown matters is left out.
    """
    methods = {"PED-ANOVA": ped_anova(forest.data), "fANOVA": fanova(forest)}
    found: dict[str, dict[str, float]] = {}
    for method, values in methods.items():
        shares = dict(zip(forest.data.paths, (values / (values.sum() or 1)).tolist(), strict=True))
        if any(shares[path] for path in shown):
            found[method] = {path: shares[path] for path in shown}
    return found


def fanova(forest: RegressionForest) -> Floats:
    """The share of a tree's variance that each choice explains by itself, averaged over trees.

    All combinations of options count the same, and to lack a choice is an option of it (Hutter,
    Hoos and Leyton-Brown 2014, "An Efficient Approach for Assessing Hyperparameter Importance",
    section 3).
    """
    values = UnitScale.of(forest.values)(forest.values)
    parts = [forest.boxes[:, options] for options in forest.options.slices]
    sizes = np.stack([part.mean(axis=1) for part in parts], axis=1)
    volumes = sizes.prod(axis=1)
    boxes = np.diff(np.append(forest.firsts, len(values)))
    centered = values - np.repeat(np.add.reduceat(volumes * values, forest.firsts), boxes)
    whole = np.add.reduceat(volumes * centered**2, forest.firsts)
    weights = (volumes * centered)[:, None] / sizes
    alone = np.stack(
        [
            np.square(np.add.reduceat(part * weight[:, None], forest.firsts)).mean(axis=1)
            for part, weight in zip(parts, weights.T, strict=True)
        ],
        axis=1,
    )
    shares = np.divide(alone, whole[:, None], out=np.zeros_like(alone), where=whole[:, None] > 0)
    return np.asarray(shares.mean(axis=0))


def ped_anova(data: Coded) -> Floats:
    """How much the best tenth of the trials differ from all in each choice.

    Pearson's divergence between the shares of the options among the trials that have the choice
    (Watanabe, Bansal and Hutter 2023, "PED-ANOVA: Efficiently Quantifying Hyperparameter
    Importance in Arbitrary Subspaces", algorithm 1), weighted by how many have it ("Conditional
    PED-ANOVA" 2026, arXiv:2601.20800, theorem 4.2). Equal to Optuna's but for a constant factor.
    """
    best = data.rewards >= np.sort(data.rewards)[-math.ceil(_TOP * len(data))]
    return np.array([_divergence(column, best) for column in data.codes.T])


def _divergence(codes: NDArray[np.int64], best: NDArray[np.bool_]) -> float:
    there = codes != INACTIVE
    options, taken = np.unique(codes[there], return_inverse=True)
    if len(options) < 2 or not (best & there).any():
        return 0.0
    of_all, of_best = (_shares(took, len(options)) for took in (taken, taken[best[there]]))
    weight = np.mean(there[best]) ** 2 / np.mean(there)
    return float(weight * np.sum((of_best - of_all) ** 2 / of_all))


def _shares(taken: NDArray[np.int64], options: int) -> Floats:
    """Shares of the options, smoothed as Optuna does: each trial is spread over all of them.

    To the more, the fewer different ones were taken; one trial more is spread evenly.
    """
    counts = np.bincount(taken, minlength=options)
    spread = 1 / (1 + np.count_nonzero(counts))
    smooth = (counts + spread * len(taken)) / (1 + spread * options)
    return np.asarray((smooth + 1 / options) / (1 + len(taken)))


def importance_figure(found: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Horizontal bars, a color a method, of the choices that matter most by either."""
    import plotly.graph_objects as go

    rank = {
        path: max(values.get(path, 0.0) for values in found.values())
        for values in found.values()
        for path in values
    }
    shown = sorted(rank, key=lambda path: -rank[path])[:_SHOWN][::-1]
    figure = go.Figure()
    for color, (method, values) in zip((PURPLE, BLUE), found.items(), strict=False):
        figure.add_bar(
            y=[safe(path) for path in shown],
            x=[values.get(path, 0.0) for path in shown],
            orientation="h",
            marker_color=color,
            hovertemplate="%{y}: %{x:.1%}<extra>" + method + "</extra>",
            name=method,
        )
    height = 110 + 34 * len(shown)
    return styled(
        figure,
        "importance",
        "",
        height=height,
        xaxis_tickformat=".0%",
        legend_traceorder="reversed",
    )
