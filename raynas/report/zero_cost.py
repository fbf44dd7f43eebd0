"""How far zero-cost scores rank architectures as the rewards of the search do, so far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from raynas.analysis.search_view import SearchView
from raynas.rank_interval import tau_interval
from raynas.report.markup import Node, number, table, tag
from raynas.trials import Completed, History
from raynas.wording import counted

__all__ = ["RankCorrelation", "rank_correlation_line", "rank_correlations", "zero_cost_nodes"]

Interval: TypeAlias = tuple[float, float]

_PREFIX = "zero_cost/"
_LEAST_TRIALS = 10  # fewer have no rank correlation worth a line


@dataclass(frozen=True)
class RankCorrelation:
    """Rank correlation of one score with the reward, over the completed trials that have the score.

    Attributes:
        name: Name of the score, such as ``"synflow"``.
        trials: How many.
        kendall: Tau-b.
        kendall_interval: 95 % interval of Kendall's tau, as if the trials were a random sample.
        spearman: Rho.
        spearman_interval: 95 % interval of Spearman's rho, as if the trials were a random sample.
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
    """Rank correlations of all scores that at least ten completed trials have, best tau first.

    Trials of a search are no random sample: a controller that follows the rewards tries few poor
    architectures, among which ranking is hard, so that tau falls as the search gets on. Intervals
    of tau are those of `raynas.rank_interval`; Spearman's follow from them as for a normal
    distribution, ``rho = 6 / pi asin(sin(pi tau / 2) / 2)`` (Kruskal 1958, "Ordinal Measures of
    Association", JASA 53, section 9).
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
    trials = counted(found[0].trials, "trial")
    return f"zero-cost scores, Kendall's tau with the reward: {words}, {trials}"


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
            "How far scores of untrained networks rank the architectures as the trials do, with "
            "intervals of 95 % as for a random sample. A search that follows the rewards tries few "
            "poor architectures, among which ranking is hard: expect the figures to fall.",
            class_="words",
        ),
        table(("score", "trials", "Kendall's tau", "Spearman's rho", ""), rows),
    ]


def _correlation(name: str, pairs: NDArray[np.float64]) -> RankCorrelation:
    from scipy.stats import kendalltau, spearmanr

    scores, rewards = pairs[:, 0], pairs[:, 1]
    if len(np.unique(scores)) < 2 or len(np.unique(rewards)) < 2:
        return RankCorrelation(name, len(pairs), 0.0, (-1.0, 1.0), 0.0, (-1.0, 1.0))
    tau = float(kendalltau(scores, rewards).statistic)
    rho = float(spearmanr(scores, rewards).statistic)
    low, high = tau_interval(tau, len(pairs))
    rhos = (min(rho, _rho_of(low)), max(rho, _rho_of(high)))
    return RankCorrelation(name, len(pairs), tau, (low, high), rho, rhos)


def _rho_of(tau: float) -> float:
    """Spearman's rho of a normal distribution that has this tau."""
    return 6 / math.pi * math.asin(math.sin(math.pi * tau / 2) / 2)


def _shown(value: float, interval: Interval) -> str:
    return f"{number(value)} [{number(interval[0])}, {number(interval[1])}]"
