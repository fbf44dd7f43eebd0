"""What stage 2 found: scores against the baseline, with how sure they are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from raynas.analysis.tables import objective_columns
from raynas.dominance import fronts
from raynas.objective import Objective
from raynas.power_scaling import UnitScale
from raynas.rank_interval import FEWEST, tau_interval
from raynas.trials import Architecture, Completed, History, Trial
from raynas.wording import counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FULL",
    "Correlation",
    "MeasuredAgain",
    "Row",
    "correlation",
    "full_table",
    "label_of",
    "measured_again",
    "rows_of",
    "trial_numbers",
]

FULL = "-full"
"""What the names of stage 2's results folder and of its study end with."""

_CONFIDENCE = 0.95  # the usual level, as for all intervals of the report
_LEAST_AGAIN = 3  # fewer factors have no middle


@dataclass(frozen=True)
class Row:
    """An architecture that was trained in full.

    Attributes:
        architecture: What was trained.
        trainings: Numbers of its completed full trainings, the best first. They are counted apart
            from the search's trials; see `label_of`.
        mean: Mean of the runs' rewards.
        interval: Half of the 95 % confidence interval of `mean`; NaN where no architecture was
            trained twice.
        stage1: Mean reward in the search; None where it was not tried there.
        is_baseline: Whether it is what the others are compared with.
        gain: `mean` less that of the baseline; NaN without one.
        gain_interval: Half of the 95 % confidence interval of `gain`.
        search_trial: Number of the search's first trial of it; None where it was not tried there.
        objectives: Means of all objectives, `mean` first, larger being better.
        metrics: Means of what the trainings measured.
        dominated_by: Rank, from 1, of the best row that dominates this one: as good in all
            objectives and better in one; None on the front.
        probability: Probability of being the best, by the model of a search over budgets; None
            without one.
    """

    architecture: Architecture
    trainings: tuple[int, ...]
    mean: float
    interval: float
    stage1: float | None
    is_baseline: bool
    gain: float
    gain_interval: float
    search_trial: int | None = None
    objectives: tuple[float, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    dominated_by: int | None = None
    probability: float | None = None


@dataclass(frozen=True)
class Correlation:
    """How well the search's rewards predicted those of the full trainings.

    Attributes:
        tau: Kendall's, tau-b.
        low: Lower end of its 95 % interval.
        high: Upper end.
        spearman: Spearman's.
        count: Architectures that have both.
    """

    tau: float
    low: float
    high: float
    spearman: float
    count: int


def rows_of(full: History, search: History, baseline: Architecture | None = None) -> list[Row]:
    """One for each architecture trained in full, best first.

    Of several objectives the front comes first, those of the highest first objective first, then
    what only the front dominates, and so on.

    The variance from seed to seed is taken to be the same for all architectures and pooled, so
    that an interval is known for one trained once too, as soon as any was trained twice.
    """
    from scipy import stats

    groups: dict[Architecture, list[Trial]] = {}
    for trial in full.completed:
        groups.setdefault(trial.architecture, []).append(trial)
    rewards = {a: [t.reward or 0.0 for t in trials] for a, trials in groups.items()}
    freedom = sum(len(values) - 1 for values in rewards.values())
    scale = UnitScale.of([value for values in rewards.values() for value in values])
    squares = sum(float(np.var(scale(values))) * len(values) for values in rewards.values())
    deviation = scale.restored(math.sqrt(squares / freedom)) if freedom else math.nan
    reach = deviation * (float(stats.t.ppf((1 + _CONFIDENCE) / 2, freedom)) if freedom else 1.0)
    stage1: dict[Architecture, list[float]] = {}
    for trial in search.completed:
        stage1.setdefault(trial.architecture, []).append(trial.reward or 0.0)
    numbers = trial_numbers(search)
    standard = rewards.get(baseline) if baseline is not None else None
    rows = []
    for architecture, trials in groups.items():
        values = rewards[architecture]
        is_baseline = baseline is not None and architecture == baseline
        gain = gain_reach = math.nan
        if standard and not is_baseline:
            gain = float(np.mean(values) - np.mean(standard))
            gain_reach = reach * math.sqrt(1 / len(values) + 1 / len(standard))
        rows.append(
            Row(
                architecture,
                tuple(t.number for t in sorted(trials, key=lambda t: -(t.reward or 0.0))),
                float(np.mean(values)),
                reach / math.sqrt(len(values)),
                float(np.mean(stage1[architecture])) if architecture in stage1 else None,
                is_baseline,
                gain,
                gain_reach,
                numbers.get(architecture),
                _means([trial.objectives or () for trial in trials]),
                _mean_metrics(trials),
            )
        )
    return _ranked(sorted(rows, key=lambda row: -row.mean))


def _ranked(rows: list[Row]) -> list[Row]:
    """Rows of several objectives layer by layer, with what dominates each."""
    if not rows or len(rows[0].objectives) < 2:
        return rows
    points = [row.objectives for row in rows]
    ordered = [rows[index] for layer in fronts(points, len(rows)) for index in sorted(layer)]
    return [
        replace(
            row,
            dominated_by=next(
                (rank for rank, other in enumerate(ordered, 1) if _dominates(other, row)), None
            ),
        )
        for row in ordered
    ]


def _dominates(one: Row, other: Row) -> bool:
    pairs = list(zip(one.objectives, other.objectives, strict=True))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def _means(values: Sequence[Sequence[float]]) -> tuple[float, ...]:
    return tuple(float(mean) for mean in np.mean(np.array(values, dtype=float), axis=0))


def _mean_metrics(trials: Sequence[Trial]) -> dict[str, float]:
    """Means of the metrics that all of the trials measured."""
    measured = [_metrics(trial) for trial in trials]
    names = [name for name in measured[0] if all(name in metrics for metrics in measured)]
    return {name: float(np.mean([metrics[name] for metrics in measured])) for name in names}


def trial_numbers(search: History) -> dict[Architecture, int]:
    """The search's number for each architecture: that of its trial at the highest budget.

    Those with a reward come first, and of several at a budget the first one.
    """
    numbers: dict[Architecture, int] = {}
    for trial in sorted(search, key=lambda trial: (trial.reward is None, -trial.budget)):
        numbers.setdefault(trial.architecture, trial.number)
    return numbers


def label_of(search_trial: int | None, run: int | None = None, kind: str = "full training") -> str:
    """Which trial is meant, in words that are the same wherever people read them.

    A trial's number is always the search's. Full trainings, of which one architecture may have
    several, have numbers of their own that only their files go by.

    Args:
        search_trial: The search's number for the architecture; None where it was not tried there.
        run: Number of a later run of it.
        kind: What that run is.
    """
    if search_trial is None:
        return "an untried architecture" if run is None else f"{kind} {run} (of an untried one)"
    return f"trial {search_trial}" if run is None else f"trial {search_trial} ({kind} {run})"


@dataclass(frozen=True)
class MeasuredAgain:
    """How a measured cost, such as a latency, differs between the search and the full trainings.

    Attributes:
        name: Name of the metric.
        count: Full trainings of architectures that both measured.
        lowest: The smallest value in full, as a multiple of the search's.
        highest: The largest.
        inside: Number of them within the interval that the search reported.
        factor: The ratio by which a further measurement differs from one of these, up or down, in
            95 of 100 cases, if it does so as these differ from the search's: Student's interval for
            the logarithm of the ratio, about 0. NaN below three of them.
    """

    name: str
    count: int
    lowest: float
    highest: float
    inside: int
    factor: float

    def __str__(self) -> str:
        return (
            f"{self.name}, measured again in {counted(self.count, 'full training')}, was "
            f"{self.lowest:.2f} to {self.highest:.2f} times what the search measured, and within "
            f"the search's interval in {self.inside} of {self.count}. That interval covers what "
            f"changes within a measurement only.{self._outlook}"
        )

    @property
    def _outlook(self) -> str:
        if math.isnan(self.factor):
            return ""
        return (
            " If it goes on varying like this, another measurement is within a factor of "
            f"{self.factor:.2f} of the full training's, in 95 of 100 cases."
        )


def measured_again(
    full: History, search: History, objectives: Sequence[Objective]
) -> list[MeasuredAgain]:
    """The objectives that were measured with an interval, and again in the full trainings."""
    before: dict[Architecture, Mapping[str, float]] = {}
    for trial in search.completed:
        before.setdefault(trial.architecture, _metrics(trial))
    found = []
    for name in (objective.name for objective in objectives):
        pairs = [
            (before[trial.architecture], _metrics(trial)[name])
            for trial in full.completed
            if {name, f"{name}_low", f"{name}_high"} <= before.get(trial.architecture, {}).keys()
            and name in _metrics(trial)
        ]
        ratios = [now / then[name] for then, now in pairs if then[name] > 0]
        inside = sum(then[f"{name}_low"] <= now <= then[f"{name}_high"] for then, now in pairs)
        if ratios:
            ends = min(ratios), max(ratios)
            found.append(MeasuredAgain(name, len(ratios), *ends, inside, _factor(ratios)))
    return found


def _factor(ratios: Sequence[float]) -> float:
    from scipy import stats

    if len(ratios) < _LEAST_AGAIN or min(ratios) <= 0:
        return math.nan
    spread = math.sqrt(float(np.mean(np.log(ratios) ** 2)))
    return math.exp(spread * float(stats.t.ppf((1 + _CONFIDENCE) / 2, len(ratios))))


def _metrics(trial: Trial) -> Mapping[str, float]:
    return trial.outcome.measurement.metrics if isinstance(trial.outcome, Completed) else {}


_REWARD = (Objective(),)


def full_table(rows: Sequence[Row], objectives: Sequence[Objective] = _REWARD) -> pd.DataFrame:
    """`rows` as a table, one line an architecture, in the units and directions of `objectives`.

    With several, there is a column for each, and one for the rank of what dominates a row.
    """
    import pandas as pd

    objective, many = objectives[0], len(objectives) > 1
    table = pd.DataFrame(
        [
            {
                "rank": rank,
                **objective_columns(row.objectives, objectives),
                **({"dominated by rank": row.dominated_by} if many else {}),
                "full": objective.figure(row.mean),
                "± 95 %": row.interval,
                **({} if row.probability is None else {"probability best": row.probability}),
                "seeds": len(row.trainings),
                "search": None if row.stage1 is None else objective.figure(row.stage1),
                "vs baseline": objective.figure(row.gain),
                "vs baseline ± 95 %": row.gain_interval,
                "baseline": row.is_baseline,
                "trial": row.search_trial,
                "full trainings": " ".join(map(str, row.trainings)),
                "architecture": repr(row.architecture),
            }
            for rank, row in enumerate(rows, 1)
        ]
    )
    whole = {"trial": "Int64", **({"dominated by rank": "Int64"} if many else {})}
    return table.astype(whole) if rows else table


def correlation(rows: Sequence[Row]) -> Correlation | None:
    """Rank agreement of both stages; None below five architectures that have both rewards.

    Fewer agree in all ranks too easily by chance, see `raynas.rank_interval`. Those trained in full
    are the best of the search, among which ranks are harder to tell apart than over the whole
    space.
    """
    from scipy import stats

    pairs = [(row.stage1, row.mean) for row in rows if row.stage1 is not None]
    if len(pairs) < FEWEST:
        return None
    values = np.array(pairs, dtype=float)
    if len(np.unique(values[:, 0])) < 2 or len(np.unique(values[:, 1])) < 2:
        return None
    tau = float(stats.kendalltau(values[:, 0], values[:, 1]).statistic)
    spearman = float(stats.spearmanr(values[:, 0], values[:, 1]).statistic)
    return Correlation(tau, *tau_interval(tau, len(values)), spearman, len(values))
