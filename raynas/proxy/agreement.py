"""How far a proxy ranks architectures as full training does: Kendall's tau and top-k recall.

An interval for tau answers for both chances: which models were taken for reference, and with
which seeds they were trained. A bootstrap draws models together with all their runs. By itself it
is too sure where few models happen to agree in every pair, so that its ends are moved out to where
even independent pairs would have them.
`benchmarks/proxy.py` shows how often the truth is covered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from raynas.errors import ConfigurationError
from raynas.rank_interval import FEWEST, chance_of_agreement
from raynas.wording import counted

__all__ = [
    "Agreement",
    "agreement_of",
    "joint_lower",
    "lower_bounds",
    "resampled_taus",
    "tau_of",
    "top_recall",
]

Floats: TypeAlias = NDArray[np.float64]

_DRAWS = 4000  # ends of an interval at 95 % known to +-0.3 %
_LEAST_MODELS = FEWEST


@dataclass(frozen=True)
class Agreement:
    """Kendall's tau between proxy and full training, over the models that have both scores.

    Attributes:
        tau: Kendall's, tau-b.
        low: Lower end of its confidence interval.
        high: Upper end.
        p_value: p-value of the exact two-sided test that there is no agreement.
        recall: Share of the `top` best in full that are among the `top` best by proxy.
        top: How many those are.
        models: How many there are.
        level: Confidence level of the interval.
    """

    tau: float
    low: float
    high: float
    p_value: float
    recall: float
    top: int
    models: int
    level: float


def agreement_of(
    proxy: ArrayLike,
    full: ArrayLike,
    *,
    level: float = 0.95,
    top: int | None = None,
    drawn: ArrayLike | None = None,
    seed: int = 0,
    draws: int = _DRAWS,
) -> Agreement:
    """Tau with its interval, and top-k recall.

    Args:
        proxy: Scores, shape ``(models,)`` or ``(models, runs)``; larger is better. With several
            runs, tau is that of a single one, on average. NaN where there is none.
        full: Scores by full training, of the same shape; several runs are averaged.
        level: Confidence level of the interval.
        top: Number of best models that recall is computed for; by default a third.
        drawn: Draws of `full`, see `resampled_taus`, where some of it is predicted.
        seed: Seed of the bootstrap.
        draws: Bootstrap samples.

    Raises:
        ConfigurationError: Fewer than five models have both scores, or all scores are the same.
    """
    scores, truth, kept = _both(proxy, full)
    possible = truth
    if drawn is not None:
        possible = np.asarray(drawn, dtype=float)[:, kept]
        draws = len(possible)
    taus = resampled_taus(scores[None], possible, seed=seed, draws=draws)[:, 0]
    tau = tau_of(scores, truth)
    count = len(truth)
    tail = (1 - level) / 2
    low, high = np.nanquantile(taus, [tail, 1 - tail])
    least, most = _independent(tau, count, tail)
    single = np.nanmean(scores, axis=1)
    top = max(1, round(count / 3)) if top is None else min(top, count)
    return Agreement(
        tau=tau,
        low=min(float(low), least),
        high=max(float(high), most),
        p_value=float(stats.kendalltau(single, truth).pvalue),
        recall=top_recall(single, truth, top),
        top=top,
        models=count,
        level=level,
    )


def tau_of(proxy: ArrayLike, full: ArrayLike) -> float:
    """Kendall's tau-b; of a single run, on average, where `proxy` has a column for each.

    NaN where all scores are the same.
    """
    product, squares, full_squares = _concordance(_columns(proxy), np.asarray(full, dtype=float))
    size = math.sqrt(float(squares.sum()) * float(full_squares.sum()))
    return float(product.sum()) / size if size else math.nan


def top_recall(proxy: ArrayLike, full: ArrayLike, top: int) -> float:
    """Share of the `top` best in full that are among the `top` best by proxy."""
    wanted = set(np.argsort(-np.asarray(full, dtype=float), kind="stable")[:top].tolist())
    found = set(np.argsort(-np.asarray(proxy, dtype=float), kind="stable")[:top].tolist())
    return len(wanted & found) / top


def resampled_taus(
    proxies: ArrayLike, full: ArrayLike, *, seed: int = 0, draws: int = _DRAWS
) -> Floats:
    """Taus over bootstrap samples of models, the same samples for all proxies.

    Args:
        proxies: Shape ``(proxies, models)`` or ``(proxies, models, runs)``; NaN where there is
            no score.
        full: Shape ``(models,)``; or ``(draws, models)`` where some are only predicted, a draw
            of the prediction for each sample.
        seed: Seed of the samples.
        draws: How many.

    Returns:
        Shape ``(draws, proxies)``; NaN where a sample has nothing to compare.
    """
    cells = np.asarray(proxies, dtype=float)
    truth = np.asarray(full, dtype=float)
    models = cells.shape[1]
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(models, np.full(models, 1 / models), size=draws).astype(float)
    if truth.ndim == 2 and len(truth) != draws:
        raise ConfigurationError(
            f"full: {counted(len(truth), 'draw')} of it for {counted(draws, 'sample')}"
        )
    taus = np.full((draws, len(cells)), np.nan)
    for index, cell in enumerate(cells):
        runs = _columns(cell)
        if truth.ndim == 1:
            product, squares, full_squares = _concordance(runs, truth)
        else:
            signs, squares = _signs(runs)
            order = np.sign(truth[:, :, None] - truth[:, None, :])
            product, full_squares = signs * order, order**2 * _both_there(runs)
        sums = [_weighted(part, weights) for part in (product, squares, full_squares)]
        size = np.sqrt(sums[1] * sums[2])
        np.divide(sums[0], size, out=taus[:, index], where=size > 0)
    return taus


def lower_bounds(
    proxies: ArrayLike,
    full: ArrayLike,
    confidence: float,
    *,
    truth: ArrayLike | None = None,
    seed: int = 0,
    draws: int = _DRAWS,
) -> Floats:
    """Lower bounds of each proxy's tau, which hold all at once with this confidence.

    As many may be looked at as one likes, such as every step of a run, and the cheapest that is
    good enough be taken: that none of them is worse than its bound is what is promised.

    Args:
        proxies: Scores of each proxy, as `resampled_taus` takes them.
        full: Scores by full training, shape ``(models,)``.
        confidence: Joint confidence of all bounds.
        truth: Draws of `full`, see `resampled_taus`, where some of it is predicted.
        seed: Seed of the bootstrap.
        draws: Bootstrap samples.

    Returns:
        Shape ``(proxies,)``; -1 where there is nothing to compare.
    """
    cells = np.asarray(proxies, dtype=float)
    known = np.asarray(full, dtype=float)
    taus = resampled_taus(cells, known if truth is None else truth, seed=seed, draws=draws)
    lower, share = joint_lower(taus, confidence, cells.shape[1])
    bounds = []
    for cell, bound in zip(cells, lower, strict=True):
        valid = np.isfinite(_columns(cell)).any(axis=1)
        tau = tau_of(cell, known)
        if valid.sum() < _LEAST_MODELS or math.isnan(tau):
            bounds.append(-1.0)
        else:
            bounds.append(min(float(bound), _independent(tau, int(valid.sum()), share)[0]))
    return np.array(bounds)


def joint_lower(taus: Floats, confidence: float, models: int) -> tuple[Floats, float]:
    """Lower bounds that hold together, and the share of each proxy's taus which lies below its own.

    All are quantiles of the same share, which is such that a sample is below some bound as often
    as the confidence allows (Beran 1988, "Balanced simultaneous confidence sets", JASA 83). The
    share is then lowered as Student's t wants it for few models (Hesterberg 2015, "What Teachers
    Should Know About the Bootstrap", The American Statistician 69, section 5.3).
    """
    filled = np.where(np.isnan(taus), -1.0, taus)
    ranks = stats.rankdata(filled, method="max", axis=0) / len(filled)
    share = float(np.quantile(ranks.min(axis=1), 1 - confidence))
    spread = math.sqrt(models / (models - 1)) * stats.t.ppf(share, models - 1)
    share = float(stats.norm.cdf(spread))
    return np.quantile(filled, share, axis=0), share


def _both(proxy: ArrayLike, full: ArrayLike) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Scores of the models that have both, ``(models, runs)`` and ``(models,)``; and which have.

    Raises:
        ConfigurationError: Shapes differ, fewer than five have both, or there is nothing to rank.
    """
    scores, truth = _columns(proxy), _columns(full)
    if len(scores) != len(truth):
        raise ConfigurationError(
            f"proxy: {counted(len(scores), 'model')}, but {len(truth)} in full"
        )
    there = np.stack([np.isfinite(values).any(axis=1) for values in (scores, truth)])
    kept: NDArray[np.bool_] = np.asarray(there.all(axis=0))
    if kept.sum() < _LEAST_MODELS:
        raise ConfigurationError(
            f"{counted(int(kept.sum()), 'model has', 'models have')} a score by proxy and in "
            f"full; fewer than {_LEAST_MODELS} say nothing, as all ranks of {_LEAST_MODELS - 1} "
            f"agree by chance in {chance_of_agreement(_LEAST_MODELS - 1):.0%} of cases"
        )
    scores, means = scores[kept], np.nanmean(truth[kept], axis=1)
    if np.nanmax(scores) == np.nanmin(scores) or np.ptp(means) == 0:
        raise ConfigurationError("all scores are the same: there is nothing to rank")
    return scores, means, kept


def _columns(scores: ArrayLike | Sequence[Sequence[float]]) -> Floats:
    values = np.asarray(scores, dtype=float)
    return values[:, None] if values.ndim == 1 else values


def _concordance(runs: Floats, full: Floats) -> tuple[Floats, Floats, Floats]:
    """Pairs of models: whether both order it alike, and whether either orders it."""
    signs, squares = _signs(runs)
    order = np.sign(full[:, None] - full[None, :])
    return signs * order, squares, order**2 * _both_there(runs)


def _signs(runs: Floats) -> tuple[Floats, Floats]:
    """Which of two models scores higher, averaged over their runs, and the same squared."""
    differences = np.sign(runs[:, None, :, None] - runs[None, :, None, :])
    known = np.isfinite(differences)
    count = np.maximum(known.sum(axis=(2, 3)), 1)
    signs = np.where(known, differences, 0.0)
    signs[range(len(runs)), range(len(runs))] = 0.0  # runs of one model are no pair of models
    return signs.sum(axis=(2, 3)) / count, (signs**2).sum(axis=(2, 3)) / count


def _weighted(pairs: Floats, weights: Floats) -> Floats:
    """The sum over all pairs of models, each counted as often as the sample has it."""
    if pairs.ndim == 2:
        return np.asarray(((weights @ pairs) * weights).sum(axis=1))
    return np.asarray((np.matmul(weights[:, None, :], pairs)[:, 0] * weights).sum(axis=1))


def _both_there(runs: Floats) -> Floats:
    there = np.isfinite(runs).any(axis=1).astype(float)
    return np.asarray(np.outer(there, there))


def _independent(tau: float, models: int, tail: float) -> tuple[float, float]:
    """The interval of Clopper and Pearson 1934 if all pairs of models were independent."""
    pairs = models * (models - 1) // 2
    against = round((1 - tau) / 2 * pairs)
    most = stats.beta.ppf(1 - tail, against + 1, pairs - against) if against < pairs else 1.0
    least = stats.beta.ppf(tail, against, pairs - against + 1) if against else 0.0
    return float(1 - 2 * most), float(1 - 2 * least)
