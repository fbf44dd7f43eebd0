"""How far zero-cost scores rank architectures as the rewards of the search do, so far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from raynas.analysis.search_view import SearchView
from raynas.report.markup import Node, number, table, tag
from raynas.trials import Completed, History

__all__ = ["RankCorrelation", "rank_correlation_line", "rank_correlations", "zero_cost_nodes"]

Interval: TypeAlias = tuple[float, float]

_PREFIX = "zero_cost/"
_LEAST_TRIALS = 10
_NORMAL_975 = 1.959964
_VARIANCES: dict[str, tuple[float, int]] = {"spearman": (1.06, 3), "kendall": (0.437, 4)}


@dataclass(frozen=True)
class RankCorrelation:
    """Of one score with the reward, over the completed trials that have the score.

    Attributes:
        name: Of the score, such as ``"synflow"``.
        trials: How many.
        kendall: Tau-b.
        kendall_interval: At 95 %, as if the trials were a random sample.
        spearman: Rho.
        spearman_interval: Likewise.
    """

    name: str
    trials: int
    kendall: float
    kendall_interval: Interval
    spearman: float
    spearman_interval: Interval

    @property
    def known(self) -> bool:
        """Whether the interval of Kendall's tau leaves out zero."""
        low, high = self.kendall_interval
        return low > 0 or high < 0


def rank_correlations(history: History) -> tuple[RankCorrelation, ...]:
    """Of every score that at least ten completed trials have as a metric, best tau first.

    Trials of a search are no random sample: a controller that follows the rewards tries few poor
    architectures, among which ranking is hard, so that tau falls as the search gets on. Intervals
    are by Fisher's transformation with the variances of Fieller, Hartley and Pearson 1957, "Tests
    for rank correlation coefficients", Biometrika 44: 1.06 / (n - 3) and 0.437 / (n - 4).
    """
    scores: dict[str, list[tuple[float, float]]] = {}
    for trial in history.completed:
        assert isinstance(trial.outcome, Completed)  # noqa: S101 - for the type checker
        for metric, value in trial.outcome.measurement.metrics.items():
            if metric.startswith(_PREFIX) and not math.isnan(value):
                name = metric.removeprefix(_PREFIX)
                scores.setdefault(name, []).append((value, trial.outcome.reward))
    found = [
        _correlation(name, np.array(pairs))
        for name, pairs in scores.items()
        if len(pairs) >= _LEAST_TRIALS
    ]
    return tuple(sorted(found, key=lambda one: -one.kendall))


def rank_correlation_line(history: History) -> str | None:
    """The best and the worst score in a line for the terminal; None without any."""
    found = rank_correlations(history)
    if not found:
        return None
    shown = found if len(found) == 1 else (found[0], found[-1])
    words = ", ".join(
        f"{one.name} {one.kendall:+.2f} [{one.kendall_interval[0]:+.2f}, "
        f"{one.kendall_interval[1]:+.2f}]"
        for one in shown
    )
    return f"zero-cost scores, Kendall's tau with the reward: {words}, {found[0].trials} trials"


def zero_cost_nodes(view: SearchView) -> list[Node]:
    """A table of all scores with what it can be taken for; nothing where there are none."""
    found = rank_correlations(view.history)
    if not found:
        return []
    rows = [
        [
            one.name,
            str(one.trials),
            _shown(one.kendall, one.kendall_interval),
            _shown(one.spearman, one.spearman_interval),
            "" if one.known else "may be chance",
        ]
        for one in found
    ]
    return [
        tag("h3", "Zero-cost scores"),
        tag(
            "p",
            "How far scores of untrained networks rank the architectures as their rewards do, with "
            "intervals of 95 % as for a random sample. A search that follows the rewards tries few "
            "poor architectures, among which ranking is hard: expect the figures to fall.",
            class_="words",
        ),
        table(("score", "trials", "Kendall's tau", "Spearman's rho", ""), rows),
    ]


def _correlation(name: str, pairs: NDArray[np.float64]) -> RankCorrelation:
    tau, tau_interval = _with_interval(pairs, "kendall")
    rho, rho_interval = _with_interval(pairs, "spearman")
    return RankCorrelation(name, len(pairs), tau, tau_interval, rho, rho_interval)


def _with_interval(
    pairs: NDArray[np.float64],
    kind: Literal["spearman", "kendall"],
) -> tuple[float, Interval]:
    """The coefficient and its interval; zero where one of the two is constant."""
    from scipy.stats import kendalltau, spearmanr

    if len(np.unique(pairs[:, 0])) < 2 or len(np.unique(pairs[:, 1])) < 2:
        return 0.0, (-1.0, 1.0)
    scores, rewards = pairs[:, 0], pairs[:, 1]
    found = kendalltau(scores, rewards) if kind == "kendall" else spearmanr(scores, rewards)
    value = float(found.statistic)
    share, lost = _VARIANCES[kind]
    center = math.atanh(max(-1 + 1e-12, min(1 - 1e-12, value)))
    half = _NORMAL_975 * math.sqrt(share / (len(pairs) - lost))
    return value, (math.tanh(center - half), math.tanh(center + half))


def _shown(value: float, interval: Interval) -> str:
    return f"{number(value)} [{number(interval[0])}, {number(interval[1])}]"
