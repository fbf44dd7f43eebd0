"""Which proxy to take: the cheapest that is good enough, with a stated confidence.

Every candidate setting is a run whose scores are read off at several steps. The more steps and
candidates are looked at, the likelier one looks good by luck. So the lower bounds of all steps of
a candidate hold together (`raynas.proxy.agreement.lower_bounds`), and each of the candidates
planned spends an equal part of the error that the confidence allows (Bonferroni): that stays true
if the search for a proxy ends at the first candidate that will do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from raynas.errors import ConfigurationError
from raynas.proxy.agreement import lower_bounds, tau_of, top_recall
from raynas.rank_interval import FEWEST
from raynas.wording import counted

__all__ = [
    "Goal",
    "Reading",
    "best_of",
    "early_rejection",
    "likeliest_of",
    "most_possible",
    "readings_of",
    "why_ended",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Goal:
    """What a proxy must do.

    Args:
        tau: Kendall's tau with full training that it must have.
        confidence: Required confidence that the true tau reaches the goal, given all comparisons.
        most: Cost at most, in full trainings.
        valid: Share of the models at least that must have a score.
        models: Models at least that must have a score.

    Raises:
        ConfigurationError: A figure is out of its range.
    """

    tau: float = 0.65
    confidence: float = 0.9
    most: float = 1 / 30
    valid: float = 0.7
    models: int = 5

    def __post_init__(self) -> None:
        for name in ("tau", "confidence", "most", "valid"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise ConfigurationError(f"goal {name}={value}: must be above 0 and below 1")
        if self.models < FEWEST:
            raise ConfigurationError(f"goal models={self.models}: must be at least {FEWEST}")


@dataclass(frozen=True)
class Reading:
    """A candidate read off at one of its steps.

    Attributes:
        candidate: Name of the candidate.
        step: Optimizer steps.
        cost: Cost in full trainings, on average over models.
        tau: Kendall's tau with full training; NaN if there is nothing to compare.
        low: Lower bound of the true tau, with the goal's confidence.
        recall: Recall of the best third of the models.
        valid: Models with a score.
        models: Models in all.
    """

    candidate: str
    step: float
    cost: float
    tau: float
    low: float
    recall: float
    valid: int
    models: int

    def meets(self, goal: Goal, *, surely: bool = True) -> bool:
        """Whether it is good enough: with the goal's confidence, or by its tau alone."""
        enough = self.valid >= goal.models and self.valid >= goal.valid * self.models
        return enough and self.cost <= goal.most and (self.low if surely else self.tau) >= goal.tau


def readings_of(
    candidate: str,
    steps: Sequence[int],
    scores: ArrayLike,
    costs: Sequence[float],
    full: ArrayLike,
    goal: Goal,
    planned: int = 1,
    truth: ArrayLike | None = None,
    seed: int = 0,
) -> list[Reading]:
    """A candidate at each of its steps.

    Args:
        candidate: Name of the candidate.
        steps: Optimizer steps at which the runs were evaluated.
        scores: Shape ``(steps, models)``; NaN where a model has none.
        costs: Cost at each step, in full trainings.
        full: Scores by full training, shape ``(models,)``.
        goal: Goal with the confidence of the bounds.
        planned: Candidates that are going to be looked at, in all.
        truth: Draws of `full`, where some of it is predicted.
        seed: Seed of the bootstrap.
    """
    cells, whole = np.asarray(scores, dtype=float), np.asarray(full, dtype=float)
    if planned < 1:
        raise ConfigurationError(f"planned={planned}: must be at least 1")
    confidence = 1 - (1 - goal.confidence) / planned
    drawn = 4000 if truth is None else len(np.asarray(truth))
    lows = lower_bounds(cells, whole, confidence, truth=truth, seed=seed, draws=drawn)
    readings = []
    for step, cell, cost, low in zip(steps, cells, costs, lows, strict=True):
        valid = np.isfinite(cell)
        count = int(valid.sum())
        enough = count >= 2
        tau = tau_of(cell[valid], whole[valid]) if enough else math.nan
        top = max(1, round(count / 3))
        recall = top_recall(cell[valid], whole[valid], top) if enough else math.nan
        readings.append(
            Reading(candidate, step, float(cost), tau, float(low), recall, count, len(cell))
        )
    return readings


def best_of(readings: Sequence[Reading], goal: Goal) -> Reading | None:
    """The cheapest that is surely good enough, its step interpolated; None where none is.

    Between the last step that is not good enough and the first that is, bound and cost are taken
    to change evenly with the step, and the least step at which the bound would do is given.

    Args:
        readings: Readings of all candidates, each in the order of its steps.
        goal: What is good enough.
    """
    found = []
    for name in dict.fromkeys(reading.candidate for reading in readings):
        own = [reading for reading in readings if reading.candidate == name]
        for before, reading in zip([None, *own], own, strict=False):
            if reading.meets(goal):
                found.append(reading if before is None else _between(before, reading, goal))
                break
    return min(found, key=lambda reading: reading.cost, default=None)


def likeliest_of(readings: Sequence[Reading], goal: Goal) -> Reading | None:
    """The surest of the candidates whose tau is good enough, though not surely; None if none is.

    Each candidate counts by its latest such reading: there the learning rate is nearest to that of
    a training of so many steps, and the cheapest of many that look good enough is the one that
    luck favored most.

    Args:
        readings: Readings of all candidates, each in the order of its steps.
        goal: What is good enough.
    """
    latest = {r.candidate: r for r in readings if r.meets(goal, surely=False)}
    return max(latest.values(), key=lambda reading: (reading.low, -reading.cost), default=None)


def why_ended(readings: Sequence[Reading], goal: Goal, best: float = math.inf) -> str:
    """What a candidate whose models are all trained came to, in words.

    Args:
        readings: Readings of the candidate, in the order of its steps.
        goal: What is good enough.
        best: Cost of the best candidate so far, in full trainings.
    """
    sure = next((reading for reading in readings if reading.meets(goal)), None)
    if sure is not None:
        return (
            f"good enough at step {sure.step:g}: tau {sure.tau:.2f}, {sure.low:.2f} at least; "
            f"costs {sure.cost:.4f}" + ("" if sure.cost <= best else ", more than the best so far")
        )
    likely = next((reading for reading in readings if reading.meets(goal, surely=False)), None)
    if likely is not None:
        return f"tau {likely.tau:.2f} at step {likely.step:g}, at least {likely.low:.2f}"
    taus = [reading.tau for reading in readings if reading.cost <= goal.most]
    if not taus:
        return f"costs {readings[0].cost:.4f} full trainings at its first reading, over the limit"
    return f"no reading reaches tau {goal.tau:g}; the best is {np.nanmax([-1.0, *taus]):.2f}"


def early_rejection(
    scores: ArrayLike,
    full: ArrayLike,
    costs: Sequence[float],
    lost: int,
    goal: Goal,
    best: float = math.inf,
) -> str | None:
    """Why to train no more models with a candidate, in words; None to go on.

    It costs more than the limit, or than the best so far, at its first reading already; too many
    models have no score; or it cannot reach the goal even if the models to come fall in line.

    Args:
        scores: Shape ``(steps, models)``; NaN where there is none yet.
        full: Scores by full training, shape ``(models,)``.
        costs: Cost at each step, in full trainings, as far as is known.
        lost: Models that ended without a score.
        goal: What is good enough.
        best: Cost of the best candidate so far.
    """
    cells = np.asarray(scores, dtype=float)
    models = cells.shape[1]
    for limit, words in ((goal.most, "the limit"), (best, "the best so far")):
        if costs[0] > limit:
            return f"costs more than {words}: {costs[0]:.4f} of {limit:.4f} full trainings"
    if lost > (1 - goal.valid) * models or models - lost < goal.models:
        return f"no score for {lost} of {counted(models, 'model')}"
    within = [cell for cell, cost in zip(cells, costs, strict=True) if cost <= min(goal.most, best)]
    most = max(most_possible(cell, full) for cell in within)
    if most < goal.tau:
        return f"cannot reach tau {goal.tau:g} any more: {most:.2f} at most"
    return None


def most_possible(scores: ArrayLike, full: ArrayLike) -> float:
    """The largest tau that is still possible where some models have no score yet (NaN)."""
    values, whole = np.asarray(scores, dtype=float), np.asarray(full, dtype=float)
    there = np.isfinite(values)
    models = len(values)
    pairs = models * (models - 1) / 2
    seen = there.sum() * (there.sum() - 1) / 2
    if seen == 0:
        return 1.0
    signs = np.sign(values[there][:, None] - values[there][None])
    order = np.sign(whole[there][:, None] - whole[there][None])
    return float(((signs * order).sum() / 2 + pairs - seen) / pairs)


def _between(before: Reading, after: Reading, goal: Goal) -> Reading:
    rise = after.low - before.low
    if not math.isfinite(rise) or rise <= 0 or before.low >= goal.tau:
        return after
    part = (goal.tau - before.low) / rise

    def mixed(name: str) -> Any:
        start, end = getattr(before, name), getattr(after, name)
        return start + part * (end - start)

    return Reading(
        after.candidate,
        math.ceil(mixed("step")),
        mixed("cost"),
        mixed("tau"),
        mixed("low"),
        min(before.recall, after.recall),
        min(before.valid, after.valid),
        after.models,
    )
